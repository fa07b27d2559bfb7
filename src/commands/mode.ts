import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import type { ModeResult } from '../control/index.js';
import { EXIT, usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import type { Mode } from '../policy/index.js';
import { engineFor, engineSockets } from './engines.js';

interface ModeFlags {
  agent?: string;
  json?: boolean;
}

async function switchMode(name: string, mode: Mode, { agent, json }: ModeFlags): Promise<number> {
  const isAgent = agent === undefined && engineSockets().some(({ agentId }) => agentId === name);
  const engine = await engineFor(isAgent ? name : agent, 'say with --agent whose rule it is');
  try {
    const reply = await engine.request('mode', isAgent ? { mode } : { mode, rule: name });
    const { rule, policy_sha256 } = reply as unknown as ModeResult;
    const { agent_id } = engine.hello;
    const changed = { agent_id, ...(rule === undefined ? {} : { rule }), mode, policy_sha256 };
    const what = rule === undefined ? 'All rules' : `Rule ${rule}`;
    const text = json ? asciiJson(changed) : escapeForTerminal(`${what} of ${agent_id}: mode ${mode}.`);
    process.stdout.write(`${text}\n`);
    return EXIT.ok;
  } finally {
    engine.close();
  }
}

export function modeCommand(): Command {
  return new Command('mode')
    .summary('switch an agent, or one rule, between audit and enforce')
    .usage('[options] AGENT|RULE audit|enforce')
    .description(
      'Switches all rules of the policy that is held over an agent, or one of them, to audit (what it is against goes on and is\n' +
        'recorded) or to enforce (it fails), in one step between two system calls, until the session ends.\n\n' +
        'Exit code: 0; 2 no such agent; 3 the engine refuses; 4 nothing was changed, and why.',
    )
    .argument('<name>', 'the agent, as agentgov status shows it, or a rule of the only agent')
    .argument('<mode>', 'audit or enforce')
    .option('--agent <id>', 'the agent whose rule it is, where several are governed')
    .option('--json', 'print one JSON document')
    .action(async (name: string, mode: string, flags: ModeFlags) => {
      if (mode !== 'audit' && mode !== 'enforce')
        throw usageError(`The mode is audit or enforce, and not ${JSON.stringify(mode)}.`);
      process.exitCode = await switchMode(name, mode, flags);
    });
}
