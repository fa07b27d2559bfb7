import { type ControlClient, listSockets, NoEngine, openControl, runtimeFolder } from '../control/index.js';
import { usageError } from '../errors.js';
import { stateFolder } from '../targets/index.js';

/** Where engines of this user, and of root, have their control sockets. */
export function engineSockets(env: NodeJS.ProcessEnv = process.env): { agentId: string; path: string }[] {
  const uid = process.geteuid?.() ?? 0;
  const own = runtimeFolder(uid, env, stateFolder(uid, env));
  const folders = new Set([own, runtimeFolder(0, env, '')]);
  return [...folders].flatMap((folder) => listSockets(folder));
}

/** @throws AgentgovError exit 2 when no such agent is governed. */
export async function engineOf(agent: string): Promise<ControlClient> {
  const sockets = engineSockets();
  for (const { agentId, path } of sockets) {
    if (agentId !== agent) continue;
    try {
      return await openControl(path);
    } catch (error) {
      if (!(error instanceof NoEngine)) throw error;
    }
  }
  const others = sockets.map(({ agentId }) => agentId).filter((agentId) => agentId !== agent);
  const hint = others.length > 0 ? `; there are sockets of ${others.join(', ')}` : '';
  throw usageError(`No agent called ${JSON.stringify(agent)} is governed${hint}; see agentgov status.`);
}

/**
 * The engine of that agent; without a name the only one that there is.
 * @throws AgentgovError exit 2 when there is none, or more than one to choose from.
 */
export async function engineFor(agent: string | undefined, choose: string): Promise<ControlClient> {
  if (agent !== undefined) return engineOf(agent);
  const agents = new Set(engineSockets().map(({ agentId }) => agentId));
  const [only] = agents;
  if (only === undefined) throw usageError('No agent is governed; see agentgov status.');
  if (agents.size > 1) throw usageError(`Several agents are governed (${[...agents].join(', ')}); ${choose}.`);
  return engineOf(only);
}
