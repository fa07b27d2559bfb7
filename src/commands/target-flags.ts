import type { Command } from 'commander';
import { FINDINGS, type Finding } from '../audit/index.js';
import type { Output, TierChoice } from '../engine/index.js';
import { TIER_CHOICES } from '../engine/index.js';
import { addFinding, agentId, oneOf, seconds, word } from './values.js';

/** The flags that say who is governed, for how long, and where the record goes. */
export interface TargetOptions {
  pid?: string[] | true;
  name?: string;
  all?: boolean;
  wait?: boolean;
  agentId?: string;
  outputFile?: string;
  output?: Output;
  duration?: number;
  tier?: TierChoice;
  captureTls?: boolean;
  captureContent?: boolean;
  toolArgs: boolean;
  failOn: Finding[];
}

const OUTPUTS = ['jsonl', 'pretty'] as const;

export function addTargetFlags(command: Command): Command {
  return (
    command
      .usage('[options] (--pid N... | --name PATTERN | -- CMD...)')
      // Optional in commander's eyes, so that an empty $(pgrep …) does not take the next flag for a pid.
      .option('--pid [pids...]', 'processes that run; several are the roots of one tree')
      .option('--name <pattern>', 'the process whose executable or script is called so (a glob)', word('--name'))
      .option('--all', 'with --name: all that match')
      .option('--wait', 'with --name: wait for the first')
      .option('--agent-id <id>', "name of the agent (default: its script's or executable's)", agentId)
      .option(
        '--output-file <file>',
        'the log (default: /var/log/agentgov/AGENT_ID/audit.jsonl)',
        word('--output-file'),
      )
      .option('--output <format>', 'what stdout shows: jsonl or pretty', oneOf('--output', OUTPUTS))
      .option('--duration <seconds>', 'stop recording after so long', seconds)
      .option('--fail-on <finding>', `exit 1 on one of: ${FINDINGS.join(', ')} (repeatable)`, addFinding, [])
      .option('--tier <tier>', `use no more than this tier: ${TIER_CHOICES.join(', ')}`, oneOf('--tier', TIER_CHOICES))
      .option('--capture-tls', "read the plaintext of the tree's TLS connections, and HTTP without TLS")
      .option(
        '--capture-content',
        'with --capture-tls: keep what was said to models and by them, not only its size and hash',
      )
      .option('--no-tool-args', 'with --capture-tls: leave out the arguments of tool calls')
      .option('--trace-process', 'accepted; the process tree is always traced')
  );
}
