import { listSockets, runtimeFolder } from '../control/index.js';
import { stateFolder } from '../targets/index.js';

/** Where engines of this user, and of root, have their control sockets. */
export function engineSockets(env: NodeJS.ProcessEnv = process.env): { agentId: string; path: string }[] {
  const uid = process.geteuid?.() ?? 0;
  const own = runtimeFolder(uid, env, stateFolder(uid, env));
  const folders = new Set([own, runtimeFolder(0, env, '')]);
  return [...folders].flatMap((folder) => listSockets(folder));
}
