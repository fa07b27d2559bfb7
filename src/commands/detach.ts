import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { findLoader, removeKept } from '../bpf/index.js';
import { NoEngine } from '../control/index.js';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { engineOf } from './engines.js';

/** Closing a log on a slow disk takes its time. */
const PATIENCE_MS = 120_000;

/** @returns the log of the engine's session. @throws NoEngine, AgentgovError exit 2 where there is none. */
async function endSession(agent: string): Promise<string> {
  const engine = await engineOf(agent);
  const { log } = await engine.request('detach', {}, PATIENCE_MS);
  engine.close();
  return String(log);
}

async function detach(agent: string, { json }: { json?: boolean }): Promise<number> {
  let log: string | undefined;
  let failure: unknown;
  try {
    log = await endSession(agent);
  } catch (error) {
    const isGone = error instanceof NoEngine || (error instanceof AgentgovError && error.exitCode === EXIT.usage);
    if (!isGone) throw error;
    failure = error;
  }
  // An engine that only records holds nothing, and one may have ended a moment ago: the kernel may hold the agent alone.
  const kept = process.geteuid?.() === 0 ? await removeKept(findLoader(), agent) : undefined;
  if (log === undefined && kept === undefined) {
    if (failure instanceof NoEngine) throw usageError(`${agent} is not governed any more; see agentgov status.`);
    throw failure;
  }
  if (json) {
    process.stdout.write(`${asciiJson({ agent_id: agent, processes: kept?.processes, log })}\n`);
  } else {
    const how = log === undefined ? `the kernel held ${kept?.processes} of its processes alone` : `the log is ${log}`;
    process.stdout.write(`${escapeForTerminal(`Detached from ${agent}, which goes on by itself; ${how}.`)}\n`);
  }
  return EXIT.ok;
}

export function detachCommand(): Command {
  return new Command('detach')
    .summary('end the governing of an agent, and leave the agent running')
    .description(
      'Ends the session of an agent: nothing is recorded and nothing is held any more, its processes go on. Also ends what\n' +
        'an agentgov that is gone has left in the kernel (on_exit: keep).\n\n' +
        'Exit code: 0 done, 2 no such agent.',
    )
    .argument('<agent>', 'the agent id, as agentgov status shows it')
    .option('--json', 'print one JSON document')
    .action(async (agent: string, flags: { json?: boolean }) => {
      process.exitCode = await detach(agent, flags);
    });
}
