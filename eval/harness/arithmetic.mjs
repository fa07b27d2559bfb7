// What the evaluation computes, apart from what it runs.
import { median } from '../../bench/harness/index.mjs';

/**
 * The runs that are learned from when one is held out and `count` are to be had: those that follow it, in a circle, so
 * that each run is in as many sets as any other.
 */
export const learnedFrom = (heldOut, count, runs) =>
  Array.from({ length: count }, (_, at) => (heldOut + 1 + at) % runs);

/**
 * What a policy would have done to a run. Shares are of all events that ask for something.
 *
 * @param {{decided: number, findings: Array<{verdict: {action: string, name: string}, events: number}>}} result of a replay
 */
export function score({ decided, findings }) {
  const of = (test) => {
    const own = findings.filter(test);
    const events = own.reduce((sum, finding) => sum + finding.events, 0);
    return { findings: own.length, events, share: decided === 0 ? 0 : events / decided };
  };
  const isAsked = ({ verdict }) => verdict.name.startsWith('decide_');
  return {
    decided,
    blocked: of(({ verdict }) => verdict.action === 'BLOCK'),
    /** By the kit, and not on the list that a person was given. */
    held: of((finding) => finding.verdict.action === 'HUMAN_APPROVAL' && !isAsked(finding)),
    /** On the list of what is to be decided before the policy is enforced. */
    listed: of((finding) => finding.verdict.action === 'HUMAN_APPROVAL' && isAsked(finding)),
  };
}

/** Median and worst of the scores of several runs. What a person has been asked about before is no surprise. */
export function summary(scores) {
  const of = (value) => ({ median: median(scores.map(value)), worst: Math.max(...scores.map(value)) });
  return {
    share: of(({ blocked, held }) => blocked.share + held.share),
    findings: of(({ blocked, held }) => blocked.findings + held.findings),
    listed: of(({ listed }) => listed.findings),
  };
}

/** Added to the pids of an attack, so that no process of the run is taken for one of it. */
const OTHER_PIDS = 10_000_000;

/** An attack as a part of another recording: without the beginning and the end of its own session. */
const asPart = (events) =>
  events
    .filter(({ event_type: type }) => !type.startsWith('session_'))
    .map((event) => ({
      ...event,
      ...Object.fromEntries(
        ['pid', 'ppid', 'tid'].flatMap((key) => (key in event ? [[key, event[key] + OTHER_PIDS]] : [])),
      ),
    }));

/**
 * Puts attacks into a recording, each at a place of its own.
 *
 * @param {object[]} run events
 * @param {object[][]} attacks events of each
 * @param {() => number} random
 * @returns {Array<{event: object, attack?: number}>} `attack`: which one an event is of
 */
export function inject(run, attacks, random) {
  // Behind the first event, which begins the session.
  const places = attacks.map((events, attack) => ({
    at: 1 + Math.floor(random() * (run.length - 1)),
    events: asPart(events).map((event) => ({ event, attack })),
  }));
  return run.flatMap((event, at) => [
    ...places.filter((place) => place.at === at).flatMap(({ events }) => events),
    { event },
  ]);
}
