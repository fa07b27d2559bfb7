import { Command } from 'commander';
import { optimiseLate } from '../engine/index.js';
import { EXIT, usageError } from '../errors.js';
import type { Mode } from '../policy/index.js';
import type { Terms } from '../rollout/index.js';
import { keptBy } from './kept.js';
import { addLogFlags, type LogFlags } from './log-flags.js';
import { addHome, HOME_HELP, printNotes, readPolicy } from './policy-file.js';
import { record, recordedBy, shown } from './record.js';
import { say } from './say.js';
import { addTargetFlags, type TargetOptions } from './target-flags.js';
import { countFrom0, duration, oneOf } from './values.js';

interface EnforceFlags {
  mode?: Mode;
  accept: string[];
  home?: string[];
  promoteAfter?: number;
  maxWouldBlock?: number;
}

/** @throws AgentgovError exit 2 where one flag makes no sense beside another. */
function termsOf({ mode, promoteAfter, maxWouldBlock }: EnforceFlags): Terms | undefined {
  if (promoteAfter === undefined && maxWouldBlock !== undefined)
    throw usageError('--max-would-block needs --promote-after: how long a rule must have been in audit mode.');
  if (promoteAfter === undefined) return undefined;
  if (mode === 'enforce')
    throw usageError('--promote-after is for rules in audit mode: leave out --mode enforce, or --promote-after.');
  return { afterMs: promoteAfter, maxWouldBlock: maxWouldBlock ?? 0 };
}

async function run(
  file: string,
  flags: TargetOptions & LogFlags & EnforceFlags,
  command: string[] | undefined,
): Promise<number> {
  const terms = termsOf(flags);
  optimiseLate();
  const policy = await readPolicy(file);
  if (policy === undefined) return EXIT.usage;
  printNotes(policy);
  const own = policy.document.agent_id;
  const named = own === undefined ? flags : { agentId: own, ...flags };
  const recorded = (await keptBy(named, command)) ?? (await recordedBy(named, command));
  return record(recorded, flags, {
    say,
    ...shown(flags, command),
    ...(flags.duration === undefined ? {} : { duration: flags.duration }),
    enforce: {
      policy,
      accept: flags.accept,
      ...(flags.mode === undefined ? {} : { mode: flags.mode }),
      ...(flags.home === undefined ? {} : { homes: flags.home }),
      ...(terms === undefined ? {} : { terms }),
      ...(flags.key === undefined ? {} : { key: flags.key }),
    },
  });
}

/** `command`: the words behind "--". */
export function enforceCommand(command: string[] | undefined): Command {
  const own = new Command('enforce')
    .summary('hold a policy over an agent and all its processes')
    .argument('<policy>', 'the policy file')
    .description(
      'Puts a policy into the kernel and holds an agent and all its processes to it. In mode audit nothing is stopped and\n' +
        'what would have been is recorded as WOULD_BLOCK; in mode enforce it is BLOCKED. Everything is recorded as by monitor.',
    );
  return addLogFlags(addTargetFlags(own))
    .usage('[options] POLICY (--pid N... | --name PATTERN | --agent-id KEPT | -- CMD...)')
    .option('--mode <mode>', "audit or enforce, over the policy's own", oneOf('--mode', ['audit', 'enforce'] as const))
    .option(
      '--accept <name>',
      'go without this rule where the kernel cannot hold it; leaky-hook: on a preemptible kernel (repeatable)',
      (name: string, before: string[]) => [...before, name],
      [],
    )
    .option('--home <folder>', HOME_HELP, addHome)
    .option(
      '--promote-after <age>',
      'enforce a rule once it has been in audit mode so long, as 48h, and has proved quiet',
      duration('--promote-after'),
    )
    .option(
      '--max-would-block <n>',
      'quiet is a rule with at most so many would-blocks in that time (default: 0)',
      countFrom0('--max-would-block'),
    )
    .action(async (file: string, flags: TargetOptions & LogFlags & EnforceFlags) => {
      process.exitCode = await run(file, flags, command);
    });
}
