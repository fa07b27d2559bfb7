import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'tsup';
import { manyRules } from '../../test/vm/guest/lib/many-rules.mjs';
import { repository, temporaryFolder } from '../harness/index.mjs';

const RULES = 10_000;

export const largePolicyText = `a policy of ${RULES} rules: 5,000 files, 1,500 paths with stars, 2,000 folders, 1,000 hosts, 500 addresses; 1,500 of them of one of 40 programs`;

/** Writes one into a folder. @returns {string} the file */
export function largePolicy(folder) {
  const file = join(folder, 'policy.yaml');
  const head = 'version: "1.0"\nagent_id: large\nmode: enforce\n';
  const closed = 'default_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: BLOCK}\npolicies:\n';
  writeFileSync(file, head + closed + manyRules(RULES));
  return file;
}

/**
 * Rooms of src/ that the library does not export, as files that can be required.
 *
 * @param {Record<string, string>} entry by the name of the file, without its end: what of the repository goes in
 * @returns {Promise<string>} the folder
 */
export async function bundleRooms(entry) {
  const outDir = temporaryFolder('rooms');
  await build({
    entry: Object.fromEntries(Object.entries(entry).map(([name, file]) => [name, join(repository, file)])),
    outDir,
    format: 'cjs',
    platform: 'node',
    noExternal: [/./],
    // Where it finds the package that it belongs to.
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(repository, 'dist', 'policy.js'))) },
    config: false,
    silent: true,
  });
  return outDir;
}
