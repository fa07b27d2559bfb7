// agentgov learn: a profile of what an agent does, from recordings or while it works.
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT, usageError } from '../errors.js';
import { agentsOf, learnRecordings, loadProfile, saveProfile } from '../profile/index.js';
import { learnLive, tell } from './learn-live.js';
import { addLogFlags, type LogFlags } from './log-flags.js';
import { say } from './say.js';
import { Sensitive } from './sensitive.js';
import { addTargetFlags, type TargetOptions } from './target-flags.js';
import { amount, word } from './values.js';

const DEFAULT_FILE = 'profile.json';
const DEFAULT_HOURS = 72;

interface Flags extends TargetOptions, LogFlags {
  from?: string[];
  profile?: string;
  hours?: number;
  minutes?: number;
  compat?: boolean;
  unverified?: boolean;
}

/** `command`: the words behind "--". */
export function learnCommand(command: string[] | undefined): Command {
  const own = new Command('learn')
    .summary('grow a profile of what an agent does')
    .description(
      'Learns what an agent does into a profile: from recordings, or while it works, which is recorded as monitor does it.\n' +
        'A profile that is there already grows; what it has of the same sessions is not counted twice, and the window\n' +
        'counts all that was watched of this agent, so that learning goes on where it was ended.',
    )
    .option('--from <audit...>', 'learn recordings: logs, or folders of them')
    .option(
      '--profile <file>',
      `the profile (default: ${DEFAULT_FILE}; of a live agent beside its log)`,
      word('--profile'),
    )
    .option('--hours <n>', `watch for so long altogether (default: ${DEFAULT_HOURS})`, amount('--hours'))
    .option('--minutes <n>', '… or for so many minutes', amount('--minutes'))
    .option('--compat', "with --from: another writer's log: ask only that the hashes hold")
    .option('--unverified', 'with --from: learn a recording that does not verify; the profile is partial then');
  return addLogFlags(addTargetFlags(own))
    .usage('[options] (--from AUDIT... | --pid N... | --name PATTERN | -- CMD...)')
    .action(async (flags: Flags) => {
      process.exitCode = await run(flags, command);
    });
}

async function run(flags: Flags, command: string[] | undefined): Promise<number> {
  const { from, hours, minutes } = flags;
  if (from !== undefined) {
    const isLive = command ?? flags.pid ?? flags.name ?? hours ?? minutes;
    if (isLive !== undefined) throw usageError('--from learns recordings: leave out the live target and its window');
    return learnFrom(from, flags);
  }
  if (flags.compat || flags.unverified) throw usageError('--compat and --unverified belong to --from');
  const window = hours === undefined && minutes === undefined ? DEFAULT_HOURS * 3600 : 0;
  return learnLive({ ...flags, windowSeconds: window + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 }, command);
}

async function learnFrom(files: readonly string[], flags: Flags): Promise<number> {
  const { profile: file = DEFAULT_FILE, compat = false, unverified = false } = flags;
  const known = existsSync(file) ? await loadProfile(file) : undefined;
  const sensitive = new Sensitive(say);
  const { profile, skipped } = await learnRecordings(files, { compat, unverified }, (entry) => sensitive.take(entry));
  const agents = agentsOf(profile);
  if (agents.length === 0) throw usageError('the recordings hold no event: nothing was learned');
  sensitive.rest();
  if (skipped > 0) say(`${skipped} lines are no events and were skipped`);
  if (agents.length > 1)
    say(`they are of ${agents.length} agents (${agents.join(', ')}): generate takes one, --agent-id`);
  if (known !== undefined) profile.merge(known);
  await saveProfile(file, profile);
  tell(profile, file);
  return EXIT.ok;
}
