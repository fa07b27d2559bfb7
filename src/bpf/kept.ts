import { AgentgovError, EXIT } from '../errors.js';
import { loadExeca } from '../execa.js';
import { parseAs } from './protocol.js';

/** An agent that is held by what a loader has pinned, whether or not an engine attends to it. */
export interface Kept {
  agentId: string;
  /** When a loader was last there. */
  attended: Date;
  /** How many processes are held, and the numbers of the first 4,096. */
  processes: number;
  pids: number[];
}

function keptOf(line: string): Kept | undefined {
  const shape = { agent_id: 'string', attended_us: 'number', processes: 'number', pids: 'numbers' } as const;
  const found = parseAs<{ agent_id: string; attended_us: number; processes: number; pids: number[] }>(line, shape);
  if (found === undefined) return undefined;
  const { agent_id: agentId, attended_us: at, processes, pids } = found;
  return { agentId, attended: new Date(at / 1000), processes, pids };
}

async function run(loader: string, args: readonly string[]): Promise<Kept[]> {
  const execa = await loadExeca();
  const { stdout, stderr, failed, shortMessage } = await execa(loader, ['kept', ...args], {
    reject: false,
    extendEnv: false,
    env: {},
    cwd: '/',
    stdin: 'ignore',
    timeout: 60_000,
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  const found = lines.map(keptOf).filter((kept) => kept !== undefined);
  if (!failed && found.length === lines.length) return found;
  const said = stderr.trim().split('\n').at(-1) || shortMessage || 'its answer cannot be read';
  throw new AgentgovError(`The loader ${loader} could not look at what is kept: ${said}.`, EXIT.internal);
}

/**
 * The agents that are held so; only root can see them. Pins of trees that are no more are taken away on the way.
 * @throws AgentgovError exit 4.
 */
export const keptAgents = (loader: string): Promise<Kept[]> => run(loader, []);

/** Ends that for one agent. @returns what was held; undefined where nothing was. @throws AgentgovError exit 4. */
export const removeKept = async (loader: string, agentId: string): Promise<Kept | undefined> =>
  (await run(loader, ['--remove', agentId]))[0];
