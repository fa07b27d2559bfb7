import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AgentgovError, EXIT } from './errors.js';

// The bundle in dist/ and the sources lie at different depths below package.json, so it is looked for, not counted to.
function findRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) {
      throw new AgentgovError(
        'agentgov is not installed whole: its package.json is missing; install it again.',
        EXIT.internal,
      );
    }
  }
}

/** The folder of the installed package (or of the checkout). */
export const PACKAGE_ROOT = findRoot();

/** Version of this package; the loader's must be the same. */
export const VERSION = (JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string })
  .version;
