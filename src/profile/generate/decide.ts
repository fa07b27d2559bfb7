// What was done to things that the kit closes: literal, for the programs that did it, and held until a person decides.
import { type Match, pathKit } from '../../policy/index.js';
import { shapeOf } from '../shape.js';
import { isFileVerb, type Verb } from '../verbs.js';
import type { Evidence } from './evidence.js';
import type { Ruled } from './files.js';
import { standsAboveKit } from './kit.js';
import { type Made, type Names, oftenAll } from './made.js';
import { exeOf, hostsOf } from './network.js';
import { groupBy, spellable } from './paths.js';

const TIMEOUT_SECONDS = 300;
const DONE: Partial<Record<Verb, string>> = {
  read: 'read',
  write: 'written',
  create: 'made',
  delete: 'deleted',
  rename: 'renamed',
  link: 'linked',
  attr: 'changed',
  exec: 'run',
};

/** Whether the kit already holds it, so that a rule for every program would say the same. */
const isHeld = (reason: string): boolean => pathKit().find(({ name }) => name === reason)?.action === 'HUMAN_APPROVAL';

/** One verb on one object, whichever pieces of evidence show it. */
interface Part {
  /** Without who did it. */
  readonly match: Match;
  readonly reason: string;
  readonly verb: Verb;
  readonly evidence: Evidence;
}

function partsOf(one: Evidence): Part[] | undefined {
  const { verb, target, sensitive: reason = '' } = one;
  const part = (match: Match): Part => ({ match, reason, verb, evidence: one });
  if (verb === 'exec' || isFileVerb(verb) || target.path !== undefined) {
    const { path = '' } = target;
    if (!/^[/@]/.test(path) || !spellable(path)) return undefined;
    const how = isFileVerb(verb) || verb === 'exec' ? {} : { event: [verb] };
    return [part({ ...how, path: [shapeOf(path).literal] })];
  }
  if (verb.startsWith('network_')) {
    const hosts = hostsOf(one);
    return hosts.length === 0 ? undefined : hosts.map((host) => part({ event: [verb], ...host }));
  }
  return [part({ event: [verb] })];
}

/** Who did it. A program is run by others, and who they are is not always known. */
const actorsOf = (parts: readonly Part[]): Pick<Match, 'exe'> =>
  parts.some(({ verb }) => verb === 'exec')
    ? {}
    : exeOf(new Set(parts.flatMap(({ evidence }) => [...evidence.programs])));

/** The same object and programs with all that was done, then the same doings with all objects. */
export function decideRules(evidence: readonly Evidence[], names: Names): Ruled {
  const left: Evidence[] = [];
  const parts: Part[] = [];
  for (const one of evidence) {
    const own = partsOf(one);
    if (own === undefined) left.push(one);
    else parts.push(...own);
  }
  const byVerb = [...groupBy(parts, ({ match, reason, verb }) => JSON.stringify([reason, verb, match])).values()]
    .flatMap((group) => group.map((part) => ({ ...part, match: { ...part.match, ...actorsOf(group) } })))
    .filter(({ match, reason }) => match.exe !== undefined || !isHeld(reason));
  const byObject = [...groupBy(byVerb, ({ match, reason }) => JSON.stringify([reason, match])).values()]
    .map((group) => {
      const [{ match, reason }] = group as [Part];
      const verbs = new Set(group.map(({ verb }) => verb));
      const access = [...verbs].filter((verb) => isFileVerb(verb) || verb === 'exec');
      const said: Match = access.length > 0 ? { access, ...match } : match;
      return { match: said, reason, all: group.map((part) => part.evidence) };
    })
    .filter(({ match, all }) => {
      // Where nobody knows which program it was, the rule can say no more than the kit does.
      const stands = match.exe !== undefined || standsAboveKit(match);
      if (!stands) left.push(...all);
      return stands;
    });
  const keyOf = ({ match: { path, ...rest }, reason }: (typeof byObject)[number]): string =>
    JSON.stringify([reason, rest, path !== undefined]);
  const bySaid = groupBy(byObject, keyOf);
  const made = [...bySaid.values()].map((group): Made => {
    const [{ match, reason }] = group as [(typeof byObject)[number]];
    const paths = group.flatMap((one) => one.match.path ?? []);
    const done = (match.access ?? []).map((verb) => DONE[verb as Verb] ?? verb).join(', ');
    return {
      section: 'decide',
      rule: {
        name: names.next(`decide ${reason}`),
        match: paths.length > 0 ? { ...match, path: paths } : match,
        action: 'HUMAN_APPROVAL',
        timeout_seconds: TIMEOUT_SECONDS,
      },
      why: `${reason}: ${done === '' ? '' : `${done} `}${oftenAll(group.flatMap(({ all }) => all))}`,
      notes: new Map(group.flatMap(({ match: { path = [] }, all }) => path.map((text) => [text, oftenAll(all)]))),
    };
  });
  return { made, left };
}
