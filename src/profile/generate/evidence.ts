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
  runs: ReadonlySet<string>;
  /** Executables that did it; undefined among them where the recording does not say. */
  programs: ReadonlySet<string | undefined>;
  addresses: ReadonlySet<string>;
  /** Tools whose calls explain it. */
  tools: ReadonlySet<string>;
  /** Rule of the kit that closes it. */
  readonly sensitive: string | undefined;
}

export interface Known {
  readonly evidence: readonly Evidence[];
  /** Runs of this agent in the profile. */
  readonly runs: number;
}

/** A set with more items has one owner and grows: few have that many, and each step would be a set of its own. */
const MOST_SHARED = 16;

/** Sets that are made by adding to the empty one, each once: most of some 100,000 pieces of evidence have the same few. */
class Sets<Item> {
  readonly empty: ReadonlySet<Item> = new Set();
  readonly #larger = new Map<ReadonlySet<Item>, Map<Item, ReadonlySet<Item>>>();

  with(set: ReadonlySet<Item>, item: Item): ReadonlySet<Item> {
    if (set.has(item)) return set;
    if (set.size > MOST_SHARED) return (set as Set<Item>).add(item);
    if (set.size === MOST_SHARED) return new Set([...set, item]);
    const byItem = this.#larger.get(set) ?? new Map<Item, ReadonlySet<Item>>();
    this.#larger.set(set, byItem);
    const made = byItem.get(item) ?? new Set([...set, item]);
    byItem.set(item, made);
    return made;
  }
}

/** @param isOf which sessions count. */
export function gather(profile: Profile, isOf: (session: Session) => boolean): Known {
  const byKey = new Map<string, Evidence>();
  const [words, exes] = [new Sets<string>(), new Sets<string | undefined>()];
  const runs = new Set([...profile.sessions.values()].filter(isOf).map(({ run }) => run));
  const take = ({ verb, target, sessions, times, addresses, tools }: Entry, exe: string | undefined): void => {
    if (!sessions.some(isOf)) return;
    const key = keyOf(verb, target);
    let evidence = byKey.get(key);
    if (evidence === undefined) {
      const sensitive = sensitiveAs(verb, target);
      const none = words.empty;
      evidence = { verb, target, times: 0, runs: none, programs: exes.empty, addresses: none, tools: none, sensitive };
      byKey.set(key, evidence);
    }
    for (const [at, session] of sessions.entries()) {
      if (!isOf(session)) continue;
      evidence.times += times[at] ?? 0;
      evidence.runs = words.with(evidence.runs, session.run);
    }
    evidence.programs = exes.with(evidence.programs, exe);
    for (const address of addresses) evidence.addresses = words.with(evidence.addresses, address);
    for (const tool of tools) evidence.tools = words.with(evidence.tools, tool);
  };
  for (const { key: program, entries } of profile.programs.values()) {
    for (const entry of entries.values()) take(entry, program.exe);
  }
  const sorted = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, evidence]) => evidence);
  return { evidence: sorted, runs: runs.size };
}
