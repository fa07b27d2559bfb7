import { lstatSync, readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { AgentgovError, EXIT } from '../errors.js';
import { makeFolder } from '../folders.js';

/** sizeof(sun_path) in <sys/un.h>, less the NUL. */
const SOCKET_PATH_MAX = 107;

/**
 * Where the control sockets of this user's engines are. `state`: the user's state folder, for those who have no runtime
 * folder (cron).
 */
export function runtimeFolder(uid: number, env: NodeJS.ProcessEnv, state: string): string {
  if (uid === 0) return '/run/agentgov';
  const { XDG_RUNTIME_DIR: runtime } = env;
  return runtime !== undefined && isAbsolute(runtime) ? join(runtime, 'agentgov') : join(state, 'run');
}

export const socketPath = (folder: string, agentId: string): string => join(folder, `${agentId}.sock`);

/**
 * Makes the folder, or makes sure of it: whoever can write to it could put their own socket under an agent's name.
 * Others may look inside (the agent reads what it may know of its denials there).
 * @throws AgentgovError exit 4.
 */
export function claimFolder(folder: string, uid: number): void {
  try {
    makeFolder(folder, uid === 0 ? 0o755 : 0o700);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AgentgovError(
      `The folder ${folder} of the control sockets cannot be made (${code}); make it, writable by uid ${uid} alone.`,
      EXIT.internal,
      { cause: error },
    );
  }
  const stats = lstatSync(folder);
  if (!stats.isDirectory() || stats.uid !== uid || (stats.mode & 0o022) !== 0) {
    throw new AgentgovError(
      `${folder} must be a folder that only its owner (uid ${uid}) can write to; remove it and start again.`,
      EXIT.internal,
    );
  }
}

/** @throws AgentgovError exit 4 when no socket can have this name. */
export function checkLength(path: string): void {
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX) {
    throw new AgentgovError(
      `The control socket ${path} is longer than the ${SOCKET_PATH_MAX} bytes that Linux allows; give a shorter --agent-id.`,
      EXIT.internal,
    );
  }
}

/** The control sockets in a folder, with the agents that they are for. Files of other kinds of names are left alone. */
export function listSockets(folder: string): { agentId: string; path: string }[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.sock') && !name.startsWith('.'))
    .sort()
    .map((name) => ({ agentId: name.slice(0, -'.sock'.length), path: join(folder, name) }));
}
