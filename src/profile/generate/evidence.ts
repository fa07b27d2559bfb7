// What a profile knows of one agent, put together over programs: the evidence that rules are made of.
import type { Entry, Profile, Session, Target } from '../model.js';
import { keyOf } from '../model.js';
import { sensitiveAs } from '../sensitive.js';
import type { Verb } from '../verbs.js';

/** One thing that was done, by whichever programs. */
export interface Evidence {
  readonly verb: Verb;
  readonly target: Target;
  times: number;
  readonly runs: Set<string>;
  /** Executables that did it; undefined among them where the recording does not say. */
  readonly programs: Set<string | undefined>;
  readonly addresses: Set<string>;
  /** Tools whose calls explain it. */
  readonly tools: Set<string>;
  /** Rule of the kit that closes it. */
  readonly sensitive: string | undefined;
}

export interface Known {
  readonly evidence: readonly Evidence[];
  /** Runs of this agent in the profile. */
  readonly runs: number;
}

/** @param isOf which sessions count. */
export function gather(profile: Profile, isOf: (session: Session) => boolean): Known {
  const byKey = new Map<string, Evidence>();
  const runs = new Set([...profile.sessions.values()].filter(isOf).map(({ run }) => run));
  for (const { key: program, entries } of profile.programs.values()) {
    for (const entry of entries.values()) take(byKey, entry, program.exe, isOf);
  }
  const sorted = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, evidence]) => evidence);
  return { evidence: sorted, runs: runs.size };
}

function take(
  byKey: Map<string, Evidence>,
  { verb, target, sessions, times, addresses, tools }: Entry,
  exe: string | undefined,
  isOf: (session: Session) => boolean,
): void {
  const own = sessions.flatMap((session, at) => (isOf(session) ? [{ run: session.run, times: times[at] ?? 0 }] : []));
  if (own.length === 0) return;
  const key = keyOf(verb, target);
  let evidence = byKey.get(key);
  if (evidence === undefined) {
    const sensitive = sensitiveAs(verb, target);
    evidence = {
      verb,
      target,
      times: 0,
      runs: new Set(),
      programs: new Set(),
      addresses: new Set(),
      tools: new Set(),
      sensitive,
    };
    byKey.set(key, evidence);
  }
  for (const { run, times: count } of own) {
    evidence.times += count;
    evidence.runs.add(run);
  }
  evidence.programs.add(exe);
  for (const address of addresses) evidence.addresses.add(address);
  for (const tool of tools) evidence.tools.add(tool);
}
