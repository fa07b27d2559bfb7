// agentgov learn: a profile of what an agent does, from recordings.
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { EXIT, usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import {
  assess,
  type Entry,
  learnRecordings,
  loadProfile,
  type Profile,
  saveProfile,
  sensitiveAs,
  summarise,
} from '../profile/index.js';
import { word } from './values.js';

const DEFAULT_FILE = 'profile.json';
/** Sensitive things that are named one by one; the rest is counted. */
const MOST_NAMED = 20;

interface Flags {
  from?: string[];
  profile: string;
  compat?: boolean;
  unverified?: boolean;
}

export function learnCommand(): Command {
  return new Command('learn')
    .summary('grow a profile of what an agent does')
    .description(
      'Learns what an agent does, from recordings, into a profile. A profile that is there already grows; what it has of the same sessions is not counted twice.\n\n' +
        'Exit code: 0 done, 2 a recording cannot be read or does not verify.',
    )
    .option('--from <audit...>', 'audit logs; the files of a rotated one in their order')
    .option('--profile <file>', 'the profile', word('--profile'), DEFAULT_FILE)
    .option('--compat', "another writer's log: ask only that the hashes hold")
    .option('--unverified', 'learn a recording that does not verify; the profile is partial then')
    .action(run);
}

const say = (line: string): void => void process.stderr.write(`agentgov: ${escapeForTerminal(line)}\n`);

async function run(flags: Flags): Promise<void> {
  if (flags.from === undefined) throw usageError('nothing to learn from: give recordings with --from');
  const known = existsSync(flags.profile) ? await loadProfile(flags.profile) : undefined;
  const named = new Named(say);
  const { profile, skipped } = await learnRecordings(flags.from, flags, (entry) => named.take(entry));
  const { agents, events } = summarise(profile);
  if (events === 0) throw usageError('the recordings hold no event: nothing was learned');
  named.rest();
  if (skipped > 0) say(`${skipped} lines are no events and were skipped`);
  if (known !== undefined) profile.merge(known);
  await saveProfile(flags.profile, profile);
  if (agents.length > 1)
    say(`the recordings are of ${agents.length} agents (${agents.join(', ')}): generate takes one with --agent-id`);
  tell(profile, flags.profile);
  process.exitCode = EXIT.ok;
}

/** How far the profile has got, and what to do next. */
function tell(profile: Profile, file: string): void {
  for (const line of assess(summarise(profile))) say(line);
  say(`wrote ${file}; next: agentgov generate ${file} -o policy.yaml`);
}

/** Names sensitive things while they are learned, each once. */
class Named {
  readonly #seen = new Set<string>();
  constructor(private readonly say: (line: string) => void) {}

  take({ verb, target }: Entry): void {
    const rule = sensitiveAs(verb, target);
    const object = target.path ?? target.domain ?? target.ip ?? '';
    if (rule === undefined || this.#seen.has(object)) return;
    this.#seen.add(object);
    if (this.#seen.size <= MOST_NAMED) this.say(`sensitive (${rule}): ${verb} ${object}`.trimEnd());
  }

  rest(): void {
    if (this.#seen.size > MOST_NAMED) this.say(`sensitive: ${this.#seen.size - MOST_NAMED} more`);
  }
}
