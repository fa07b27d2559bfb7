// What can be said of a profile as a whole: how long, how complete, and how much is still unseen.
import { counted } from '../counted.js';
import type { Entry, Profile, Session } from './model.js';
import { shapeOf } from './shape.js';

/** Less than this is little: weekly jobs, the work of another day, a second person. */
export const ENOUGH_HOURS = 48;

/** Why a profile does not show all that happened; empty for a complete one. */
export function partialReasons({ sessions }: Profile): string[] {
  const all = [...sessions.values()];
  const sum = (of: (session: Session) => number): number => all.reduce((total, session) => total + of(session), 0);
  const lost = sum(({ lost }) => lost);
  const blind = sum(({ blind }) => blind);
  const unkept = sum(({ unkept }) => unkept);
  const weak = all.filter(({ tier }) => tier === 'observe').length;
  const open = all.filter(({ ended }) => !ended).length;
  const unverified = all.filter(({ verified }) => !verified).length;
  return [
    ...(lost > 0 ? [`${lost} events were lost while they were recorded`] : []),
    ...(blind > 0 ? [`${blind} times something was done that could not be seen`] : []),
    ...(open > 0 ? [`${counted(open, 'session')} without an end: what came behind it was not seen`] : []),
    ...(weak > 0
      ? [`${counted(weak, 'session')} of tier observe, which sees no work of io_uring and not where asked names lead`]
      : []),
    ...(unverified > 0 ? [`${counted(unverified, 'session')} from recordings that were not verified`] : []),
    ...(unkept > 0 ? [`${unkept} operations were not kept: there were too many different ones`] : []),
  ];
}

/** Agents, in order. */
export const agentsOf = ({ sessions }: Profile): string[] =>
  [...new Set([...sessions.values()].map(({ agent }) => agent))].sort();

export interface Summary {
  readonly agents: readonly string[];
  readonly runs: number;
  readonly sessions: number;
  readonly events: number;
  /** Watched, over all sessions. */
  readonly seconds: number;
  /** Different things, where names that never come again count as one. */
  readonly things: number;
  /** Of these, seen one single time, and seen in one run only. */
  readonly once: number;
  readonly inOneRun: number;
  readonly operations: number;
  readonly jumps: number;
  readonly partial: readonly string[];
}

/** One thing of a program by its shape: the verb, and what it was done to. */
export const shapedKey = ({ verb, target }: Entry): string => {
  const { path, many, domain, ip, port, protocol, tool } = target;
  const object = path === undefined ? [domain, ip, port, protocol, tool].join('\u0001') : shapeOf(path).sure;
  return `${verb}\u0000${object}${many ? '/' : ''}`;
};

export function summarise(profile: Profile): Summary {
  const all = [...profile.sessions.values()];
  const counts = { things: 0, once: 0, inOneRun: 0, operations: 0 };
  for (const { entries } of profile.programs.values()) {
    for (const { times, run } of thingsOf(entries.values()).values()) {
      counts.things++;
      counts.once += Number(times === 1);
      counts.inOneRun += Number(run !== undefined);
      counts.operations += times;
    }
  }
  return {
    agents: agentsOf(profile),
    runs: new Set(all.map(({ run }) => run)).size,
    sessions: all.length,
    events: all.reduce((sum, { events }) => sum + events, 0),
    seconds: all.reduce((sum, { seconds }) => sum + seconds, 0),
    ...counts,
    jumps: all.reduce((sum, { jumps }) => sum + jumps, 0),
    partial: partialReasons(profile),
  };
}

/** What one program did, by shape: how often, and in which run, or that there are several (a set for each of some 100,000
 * would be most of the memory). */
function thingsOf(entries: Iterable<Entry>): Map<string, { times: number; run: string | undefined }> {
  const things = new Map<string, { times: number; run: string | undefined }>();
  for (const entry of entries) {
    const key = shapedKey(entry);
    const [first] = entry.sessions;
    let thing = things.get(key);
    if (thing === undefined) {
      thing = { times: 0, run: first?.run };
      things.set(key, thing);
    }
    thing.times += entry.total;
    if (entry.sessions.some(({ run }) => run !== thing.run)) thing.run = undefined;
  }
  return things;
}

/**
 * How much is unseen, by Good and Turing (I. J. Good, Biometrika 40, 1953): the share of things seen once among what was
 * seen is the chance that the next is one that was never seen. By run, because what one run does is no draw of its own.
 *
 * @returns how many new things the next run is expected to show, in tenths; undefined with fewer than two runs.
 */
export const expectedNew = ({ runs, inOneRun }: Summary): number | undefined =>
  runs < 2 ? undefined : Math.round((10 * inOneRun) / runs);

/** New things by hour since the first event, by the wall clock: how many were seen first in each. At most `hours`, the last ones. */
export function newByHour(profile: Profile, hours: number): number[] {
  const times: number[] = [];
  for (const { entries } of profile.programs.values()) {
    const firstOf = new Map<string, string>();
    for (const entry of entries.values()) {
      if (entry.first === '') continue;
      const key = shapedKey(entry);
      const known = firstOf.get(key);
      if (known === undefined || entry.first < known) firstOf.set(key, entry.first);
    }
    for (const first of firstOf.values()) times.push(Date.parse(first));
  }
  if (times.length === 0) return [];
  const hourOf = (time: number): number => Math.floor(time / 3_600_000);
  const last = Math.max(...[...profile.sessions.values()].map(({ last }) => hourOf(Date.parse(last) || 0)));
  const start = times.reduce((least, time) => Math.min(least, hourOf(time)), Number.POSITIVE_INFINITY);
  const from = Math.max(start, last - hours + 1);
  const curve = Array<number>(Math.max(1, last - from + 1)).fill(0);
  for (const time of times) {
    const at = hourOf(time) - from;
    if (at >= 0 && at < curve.length) curve[at] = (curve[at] ?? 0) + 1;
  }
  return curve;
}

const tenths = (value: number): string =>
  value % 10 === 0 || value >= 100 ? `${Math.round(value / 10)}` : `${value / 10}`;

/** How far it has got, for people: one sentence a line. */
export function assess(summary: Summary): string[] {
  const { events, runs, seconds, things, once, inOneRun, operations, jumps, partial } = summary;
  if (events === 0) return ['nothing was learned: the recordings hold no event'];
  const hours = seconds / 3600;
  const lines = [
    `${counted(runs, 'run')}, ${counted(events, 'event')} in ${hoursOf(seconds)}: ${things} different things, ${inOneRun} of them in one run only`,
  ];
  const expected = expectedNew(summary);
  if (expected === undefined) lines.push('one run says nothing about the next one: learn from several');
  else lines.push(`the next run is expected to show ${tenths(expected)} new things (Good-Turing)`);
  if (operations > 0)
    lines.push(
      `${once} things were seen one single time: 1 operation in ${once === 0 ? `more than ${operations}` : Math.round(operations / once)} is one never seen before`,
    );
  if (hours < ENOUGH_HOURS)
    lines.push(
      `warning: ${hoursOf(seconds)} is less than ${ENOUGH_HOURS} hours, ${hoursOf(ENOUGH_HOURS * 3600 - seconds)} too few: what the agent does seldom is not in it`,
    );
  if (jumps > 0) lines.push(`note: the wall clock jumped ${jumps} times; durations are by the kernel's clock`);
  for (const reason of partial) lines.push(`partial: ${reason}`);
  return lines;
}

export function hoursOf(seconds: number): string {
  if (seconds < 60) return counted(seconds, 'second');
  if (seconds < 3600) return counted(Math.round(seconds / 60), 'minute');
  return `${(seconds / 3600).toFixed(1)} hours`;
}
