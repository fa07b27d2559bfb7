import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { NoEngine, type StopResult } from '../control/index.js';
import { counted } from '../counted.js';
import { AgentgovError, EXIT } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { engineOf } from './engines.js';

/** Freezing and killing takes moments; closing a log on a slow disk may not. */
const PATIENCE_MS = 120_000;

async function stop(agent: string, { json }: { json?: boolean }): Promise<number> {
  const engine = await engineOf(agent);
  const reply = await engine.request('stop', {}, PATIENCE_MS).catch((error: unknown) => {
    if (!(error instanceof NoEngine)) throw error;
    throw new AgentgovError(
      `${error.message.replace(/\.$/, '')}; look with ps whether ${agent} still runs.`,
      EXIT.internal,
    );
  });
  const { killed, left, log } = reply as unknown as StopResult;
  engine.close();
  if (json) process.stdout.write(`${asciiJson({ agent_id: agent, killed, left, log })}\n`);
  else {
    const rest = left === 0 ? 'none is left' : `${left} could not be killed and are still recorded`;
    process.stdout.write(
      escapeForTerminal(
        `Stopped ${agent}: ${counted(killed, 'process', 'processes')} killed, ${rest}; the log is ${log}.`,
      ),
    );
    process.stdout.write('\n');
  }
  return left === 0 ? EXIT.ok : EXIT.finding;
}

export function stopCommand(): Command {
  return new Command('stop')
    .summary('freeze and kill the whole tree of an agent')
    .description(
      'Freezes all processes of an agent, kills them, makes sure that none is left, and ends the recording.\n\n' +
        'Exit code: 0 all killed, 1 something is left, 2 no such agent.',
    )
    .argument('<agent>', 'the agent id, as agentgov status shows it')
    .option('--json', 'print one JSON document')
    .action(async (agent: string, flags: { json?: boolean }) => {
      process.exitCode = await stop(agent, flags);
    });
}
