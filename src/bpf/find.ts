import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { AgentgovError, EXIT, unavailableError } from '../errors.js';
import { PACKAGE_ROOT } from '../package.js';

/** What the npm package carries a loader for; anything else has to build its own. */
const PREBUILT = new Set(['linux-x64']);

const runs = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/**
 * The loader binary that belongs to this installation.
 *
 * A checkout's own build comes first: a checkout that has been packed once also holds a prebuilt one, which may be old.
 * @throws AgentgovError exit 3 where no loader exists for this system, exit 4 where the installation is not whole.
 */
export function findLoader(root: string = PACKAGE_ROOT, platform = `${process.platform}-${process.arch}`): string {
  const built = join(root, 'bpf', 'build', 'agentgov-loader');
  const prebuilt = join(root, 'prebuilt', platform, 'agentgov-loader');
  const found = [built, prebuilt].find(runs);
  if (found !== undefined) return found;
  if (!PREBUILT.has(platform)) {
    throw unavailableError(
      `agentgov has no loader for ${platform}; build one in a checkout with: make -C bpf (Linux 5.10 or newer).`,
    );
  }
  throw new AgentgovError(
    `The loader ${prebuilt} is missing; install agentgov again, or run bin/setup in a checkout.`,
    EXIT.internal,
  );
}
