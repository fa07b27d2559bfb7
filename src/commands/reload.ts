import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import type { ReloadResult } from '../control/index.js';
import { EXIT } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { engineFor } from './engines.js';

/** Names of hosts that are new are asked for before the policy is in force. */
const PATIENCE_MS = 60_000;

async function reload(agent: string | undefined, { json }: { json?: boolean }): Promise<number> {
  const engine = await engineFor(agent, 'name the one whose policy is to be loaded again');
  try {
    const reply = await engine.request('reload', {}, PATIENCE_MS);
    const { mode, policy, policy_sha256, notes } = reply as unknown as ReloadResult;
    const { agent_id } = engine.hello;
    const lines = [
      ...notes,
      `${policy} (${policy_sha256.slice(0, 12)}) is in force over ${agent_id} now, mode ${mode}.`,
    ];
    const text = json
      ? asciiJson({ agent_id, mode, policy, policy_sha256, notes })
      : lines.map(escapeForTerminal).join('\n');
    process.stdout.write(`${text}\n`);
    return EXIT.ok;
  } finally {
    engine.close();
  }
}

export function reloadCommand(): Command {
  return new Command('reload')
    .summary('put a changed policy in force')
    .usage('[options] [AGENT]')
    .description(
      "Reads the file of the policy that is held over an agent again, and puts it in the old one's place in one step between two\n" +
        'system calls. A policy that does not load changes nothing.\n\n' +
        'Exit code: 0; 2 no such agent; 3 the engine refuses; 4 nothing was changed, and why.',
    )
    .argument('[agent]', 'the agent id, as agentgov status shows it; the only one without it')
    .option('--json', 'print one JSON document')
    .action(async (agent: string | undefined, flags: { json?: boolean }) => {
      process.exitCode = await reload(agent, flags);
    });
}
