// What an agentgov that is gone has left in the kernel: who shows it, and who goes on with it.

import { findLoader, type Kept, keptAgents } from '../bpf/index.js';
import { NoEngine, openControl } from '../control/index.js';
import { counted } from '../counted.js';
import { logPath, type ProcessInfo, readProcess } from '../targets/index.js';
import { engineSockets } from './engines.js';
import type { Recorded } from './record.js';
import type { TargetOptions } from './target-flags.js';

/** Root's alone. @throws AgentgovError exit 4. */
const kept = async (): Promise<Kept[]> => (process.geteuid?.() === 0 ? keptAgents(findLoader()) : []);

async function isAttended(agent: string): Promise<boolean> {
  const sockets = engineSockets().filter(({ agentId }) => agentId === agent);
  const answers = sockets.map(({ path }) =>
    openControl(path).then(
      (engine) => {
        engine.close();
        return true;
      },
      (error: unknown) => !(error instanceof NoEngine),
    ),
  );
  return (await Promise.all(answers)).includes(true);
}

/** Agents that the kernel alone holds. @throws AgentgovError exit 4. */
export async function keptAlone(): Promise<Kept[]> {
  const all = await kept();
  const attended = await Promise.all(all.map(({ agentId }) => isAttended(agentId)));
  return all.filter((_, at) => !attended[at]);
}

/** As a sentence. */
export const describeKept = ({ agentId, processes, attended }: Kept): string =>
  `The kernel alone holds ${agentId} (${counted(processes, 'process', 'processes')}), since ` +
  `${attended.toISOString()}: agentgov enforce POLICY --agent-id ${agentId} goes on, agentgov detach ${agentId} ends it.`;

/** Where nobody is named, an agent that is kept. @returns undefined where there is none of that name. */
export async function keptBy(flags: TargetOptions, command: string[] | undefined): Promise<Recorded | undefined> {
  const { agentId, pid, name } = flags;
  if (agentId === undefined || pid !== undefined || name !== undefined || command !== undefined) return undefined;
  const found = (await kept()).find((one) => one.agentId === agentId);
  const processes = (found?.pids ?? []).map(readProcess).filter((info) => info !== undefined);
  if (processes.length === 0) return undefined;
  const { path } = logPath(flags.outputFile, agentId, process.geteuid?.() ?? 0, process.env);
  return { target: { kind: 'processes', roots: topmost(processes), agentId }, agentId, log: path };
}

/** All others come with these. */
function topmost(processes: ProcessInfo[]): ProcessInfo[] {
  const pids = new Set(processes.map(({ pid }) => pid));
  return processes.filter(({ ppid }) => !pids.has(ppid));
}
