// agentgov learn on a live agent: a session as monitor has it, whose log is learned while it is written.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { counted } from '../counted.js';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import type { AgentEvent } from '../events/index.js';
import { Locked, takeLock } from '../lock.js';
import {
  assess,
  expectedNew,
  hoursOf,
  Learner,
  learnRecordings,
  loadProfile,
  newByHour,
  newProfile,
  type Profile,
  saveProfile,
  summarise,
} from '../profile/index.js';
import type { LogFlags } from './log-flags.js';
import { type Recorded, record, recordedBy } from './record.js';
import { say } from './say.js';
import { Sensitive } from './sensitive.js';
import type { TargetOptions } from './target-flags.js';

export interface LiveFlags extends TargetOptions, LogFlags {
  profile?: string;
  /** Of watching this agent, over all sessions in the profile. */
  windowSeconds: number;
}

/** What a crash may take of the profile; the log has it, and the next start takes it from there. */
const SAVE_MS = 30_000;
/** Between two drawings; all of the profile is looked at for one, so a large one is drawn less often: a hundredth of the time. */
const PROGRESS_MS = 5_000;
const PROGRESS_SHARE = 100;
/** Hours of the curve on the progress line. */
const CURVE_HOURS = 12;

/** @returns the exit code: that of the command, or agentgov's own. */
export async function learnLive(flags: LiveFlags, command: string[] | undefined): Promise<number> {
  const recorded = await recordedBy(flags, command);
  const file = flags.profile ?? join(dirname(recorded.log), 'profile.json');
  const unlock = existsSync(dirname(file)) ? await lock(file) : async () => {};
  try {
    const profile = await resume(file, recorded);
    const left = flags.windowSeconds - watched(profile, recorded.agentId);
    if (left <= 0) {
      say(
        `the window of ${hoursOf(flags.windowSeconds)} is full: agentgov generate ${file} -o policy.yaml, or give a longer one`,
      );
      return EXIT.ok;
    }
    const duration = Math.min(left, flags.duration ?? left);
    return await watch(profile, file, recorded, { ...flags, duration }, command !== undefined);
  } finally {
    await unlock();
  }
}

async function lock(file: string): Promise<() => Promise<void>> {
  try {
    return await takeLock(file);
  } catch (error) {
    if (!(error instanceof Locked)) throw error;
    throw usageError(`another agentgov learns into ${file}: stop that one first, or give another --profile`, error);
  }
}

/** The profile so far, with what the log holds and the profile does not: whoever was killed had saved less than that. */
async function resume(file: string, { log }: Recorded): Promise<Profile> {
  const profile = existsSync(file) ? await loadProfile(file) : newProfile();
  if (!existsSync(log)) return profile;
  try {
    profile.merge((await learnRecordings([log], {})).profile);
  } catch (error) {
    if (!(error instanceof AgentgovError)) throw error;
    // A crash can leave half a line, which the writer moves aside; from the next start on the log verifies again.
    say(`what ${log} holds beyond the profile is not learned now: ${error.message}`);
  }
  return profile;
}

const watched = ({ sessions }: Profile, agentId: string): number =>
  [...sessions.values()].reduce((sum, { agent, seconds }) => sum + (agent === agentId ? seconds : 0), 0);

async function watch(
  profile: Profile,
  file: string,
  recorded: Recorded,
  flags: LiveFlags & { duration: number },
  isCommand: boolean,
): Promise<number> {
  const sensitive = new Sensitive(say);
  const learner = new Learner(profile, true, (entry) => sensitive.take(entry));
  const onLog = (bytes: Buffer): void => {
    for (const line of bytes.toString('utf8').split('\n'))
      if (line !== '') learner.take(JSON.parse(line) as AgentEvent);
  };
  // A command has the terminal: nothing is drawn over it.
  const progress = process.stderr.isTTY && !isCommand ? new Progress(profile, flags.windowSeconds) : undefined;
  let saving = Promise.resolve();
  const timer = setInterval(() => {
    // What cannot be written now is tried again, and is an error at the end.
    saving = saving.then(() => saveProfile(file, profile)).catch((error: Error) => say(error.message));
  }, SAVE_MS);
  let code: number;
  try {
    code = await record(recorded, flags, {
      say,
      onLog,
      duration: flags.duration,
      ...(flags.output === undefined ? {} : { output: flags.output }),
    });
  } finally {
    clearInterval(timer);
    progress?.end();
    await saving;
    if (profile.sessions.size > 0) await saveProfile(file, profile);
  }
  sensitive.rest();
  tell(profile, file);
  return code;
}

/** How far the profile has got, and what to do next. */
export function tell(profile: Profile, file: string): void {
  for (const line of assess(summarise(profile))) say(line);
  say(`wrote ${file}; next: agentgov generate ${file} -o policy.yaml`);
}

const BARS = '▁▂▃▄▅▆▇█';

/** New things by hour as a curve: it falls while the agent shows less and less that is new. */
export function sparkline(counts: readonly number[]): string {
  const most = Math.max(1, ...counts);
  return counts.map((count) => BARS[Math.ceil((count / most) * (BARS.length - 1))]).join('');
}

/** One line at the bottom of the terminal, drawn anew. */
class Progress {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly profile: Profile,
    readonly windowSeconds: number,
  ) {
    this.#wait(PROGRESS_MS);
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      const begin = performance.now();
      this.#draw();
      this.#wait(Math.max(PROGRESS_MS, PROGRESS_SHARE * (performance.now() - begin)));
    }, milliseconds);
  }

  #draw(): void {
    const summary = summarise(this.profile);
    const hours = newByHour(this.profile, CURVE_HOURS);
    const expected = expectedNew(summary);
    const unseen =
      expected === undefined ? 'no estimate before a second run' : `next run: about ${Math.round(expected / 10)} new`;
    const line = `${hoursOf(summary.seconds)} of ${hoursOf(this.windowSeconds)}, ${counted(summary.runs, 'run')}, ${counted(summary.events, 'event')}, ${summary.things} things; new by hour ${sparkline(hours)} ${hours.at(-1) ?? 0}; ${unseen}`;
    process.stderr.write(`\r\u001b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  end(): void {
    clearTimeout(this.#timer);
    process.stderr.write('\r\u001b[K');
  }
}
