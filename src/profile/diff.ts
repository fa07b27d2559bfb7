// Drift between two profiles: what one shows and the other does not.
import type { Entry, Profile, Program } from './model.js';
import { byText } from './order.js';
import { sensitiveAs } from './sensitive.js';
import { shapeOf } from './shape.js';
import { shapedKey } from './summary.js';
import type { Verb } from './verbs.js';

/** One thing that only one of the two profiles has. Names that never come again are compared by what they have in common. */
export interface Drift {
  readonly exe?: string;
  readonly role: string;
  readonly script?: string;
  readonly do: Verb;
  /** Path, host and port, or tool, as it was seen first. */
  readonly object: string;
  times: number;
  runs: number;
  first?: string;
  /** The rule of the kit that closes it. */
  readonly sensitive?: string;
}

export interface ProfileDiff {
  readonly appeared: readonly Drift[];
  readonly gone: readonly Drift[];
}

const objectOf = ({ target: { path, many, domain, ip, port, protocol, tool } }: Entry): string => {
  if (path !== undefined) return many ? `${path}/*` : path;
  const host = domain ?? ip;
  if (host !== undefined) return port === undefined ? host : `${host}:${port}`;
  return tool ?? protocol ?? '';
};

const byKey = (profile: Profile): Map<string, { program: Program; entries: Entry[] }> => {
  const found = new Map<string, { program: Program; entries: Entry[] }>();
  for (const [name, program] of profile.programs) {
    for (const entry of program.entries.values()) {
      const key = `${name}\u0000${shapedKey(entry)}`;
      const known = found.get(key);
      if (known) known.entries.push(entry);
      else found.set(key, { program, entries: [entry] });
    }
  }
  return found;
};

function driftOf({ key }: Program, entries: readonly Entry[]): Drift {
  const [sample] = [...entries].sort((a, b) => (a.first < b.first ? -1 : 1)) as [Entry];
  const sensitive = sensitiveAs(sample.verb, sample.target);
  return {
    ...(key.exe !== undefined && { exe: key.exe }),
    role: key.role,
    ...(key.script !== undefined && { script: key.script }),
    do: sample.verb,
    object: objectOf(sample),
    times: entries.reduce((sum, { total }) => sum + total, 0),
    runs: new Set(entries.flatMap(({ sessions }) => sessions.map(({ run }) => run))).size,
    ...(sample.first !== '' && { first: sample.first }),
    ...(sensitive !== undefined && { sensitive }),
  };
}

/** Sensitive things first, then by program and object. */
const order = (a: Drift, b: Drift): number =>
  Number(b.sensitive !== undefined) - Number(a.sensitive !== undefined) ||
  byText(a.exe ?? '', b.exe ?? '') ||
  byText(a.do, b.do) ||
  byText(a.object, b.object);

/** What `b` shows that `a` does not, and the other way round. */
export function diffProfiles(a: Profile, b: Profile): ProfileDiff {
  const [before, after] = [byKey(a), byKey(b)];
  const only = (of: typeof before, than: typeof before): Drift[] =>
    [...of]
      .filter(([key]) => !than.has(key))
      .map(([, { program, entries }]) => driftOf(program, entries))
      .sort(order);
  return { appeared: only(after, before), gone: only(before, after) };
}

/** Things whose names differ in nothing but numbers, dates, hashes and the like: `object` has a star there. */
export interface Gathered extends Drift {
  /** How many names; 1 is one thing as it is. */
  readonly names: number;
}

/** In the order of the first of each. Programs that ran and sensitive things stay as they are: each is a question of its own. */
export function gather(drifts: readonly Drift[]): Gathered[] {
  const groups = new Map<string, Drift[]>();
  for (const drift of drifts) {
    const { exe, script, role, do: verb, object, sensitive } = drift;
    const isApart = sensitive !== undefined || verb === 'exec' || !object.startsWith('/');
    const name = isApart ? object : shapeOf(object).likely;
    const key = [exe, script, role, verb, sensitive, isApart, name].join('\u0000');
    const group = groups.get(key);
    if (group) group.push(drift);
    else groups.set(key, [drift]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [Drift];
    if (group.length === 1) return { ...first, names: 1 };
    const times = group.reduce((sum, one) => sum + one.times, 0);
    return { ...first, object: shapeOf(first.object).likely, times, names: group.length };
  });
}
