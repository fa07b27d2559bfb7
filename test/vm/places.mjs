// Where things are, seen from the harness.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const vmFolder = dirname(fileURLToPath(import.meta.url));
export const guestFolder = join(vmFolder, 'guest');
export const repository = dirname(dirname(vmFolder));

/** A folder under $AGENTGOV_CACHE (default: .cache of the repository), made if needed. */
export function cacheFolder(name) {
  const folder = join(process.env.AGENTGOV_CACHE || join(repository, '.cache'), name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
