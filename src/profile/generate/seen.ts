// What a profile shows beside what becomes a rule: formats need it that know no `~`, no names of hosts, and no tree.
import { literalPattern } from '../../policy/index.js';
import type { Profile, Session } from '../model.js';
import type { Evidence } from './evidence.js';
import { spellable } from './paths.js';

export interface Seen {
  /** Home folders in which something was done, and root's; as patterns. */
  readonly homes: readonly string[];
  /** Addresses that a host name (lower case, no last dot) was reached at. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Executables of the agent's own processes. */
  readonly roots: readonly string[];
  /** Those, and all programs that did something or were run. */
  readonly programs: readonly string[];
}

const HOME = /^\/home\/[^/]+(?=\/|$)/;
/** Becomes the agent where agentgov starts it: it is none of its programs. */
const LOADER = /\/agentgov-loader$/;
const sorted = (values: Iterable<string>): readonly string[] => [...new Set(values)].sort();
const absolute = (paths: Iterable<string | undefined>): string[] =>
  [...paths].filter((path): path is string => path?.startsWith('/') === true && !LOADER.test(path));

export function seenIn(profile: Profile, isOf: (session: Session) => boolean, evidence: readonly Evidence[]): Seen {
  const homes = evidence.flatMap(({ target: { path = '' } }) => HOME.exec(path) ?? []);
  const addresses = new Map<string, Set<string>>();
  for (const { target, addresses: seen } of evidence) {
    if (target.domain === undefined) continue;
    const name = target.domain.toLowerCase().replace(/\.$/, '');
    addresses.set(name, new Set([...(addresses.get(name) ?? []), ...seen]));
  }
  const own = [...profile.programs.values()].filter(
    ({ key, entries }) => key.role === 'agent' && [...entries.values()].some(({ sessions }) => sessions.some(isOf)),
  );
  const roots = absolute(own.map(({ key }) => key.exe));
  const run = evidence.flatMap(({ verb, target, programs }) => [
    ...programs,
    ...(verb === 'exec' ? [target.path] : []),
  ]);
  return {
    homes: sorted(['/root', ...homes.filter(spellable).map(literalPattern)]),
    addresses: new Map([...addresses].map(([name, all]) => [name, sorted(all)])),
    roots: sorted(roots),
    programs: sorted([...roots, ...absolute(run)]),
  };
}
