import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'tsup';
import { repository } from '../../bench/harness/index.mjs';

let loaded;

/**
 * The rooms src/profile and src/policy as modules, of the sources as they are: the library exports neither.
 * Below the checkout, where they find its packages and templates.
 *
 * @returns {Promise<typeof import('../../src/profile/index.ts') & typeof import('../../src/policy/index.ts')>}
 */
export async function product() {
  if (loaded === undefined) {
    const outDir = join(repository, '.cache', 'eval', 'product');
    const source = (room) => join(repository, 'src', room, 'index.ts');
    await build({
      entry: { profile: source('profile'), policy: source('policy') },
      outDir,
      format: 'esm',
      outExtension: () => ({ js: '.mjs' }),
      platform: 'node',
      config: false,
      silent: true,
    });
    const rooms = ['profile', 'policy'].map((room) => import(pathToFileURL(join(outDir, `${room}.mjs`)).href));
    loaded = Object.assign({}, ...(await Promise.all(rooms)));
  }
  return loaded;
}
