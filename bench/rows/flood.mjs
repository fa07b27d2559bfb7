import { median, ratioMeasure, shareMeasure } from '../harness/index.mjs';
import { makeFloodFiles, REPORT_EVENTS, runFlood } from './flood-run.mjs';
import { preparePlainPipe } from './plain-pipe.mjs';

const FILES = 1_000_000;
const PROCESSES = 4;
const RATE = 100_000;
const MEMORY_BOUND_KB = 200_000;

/** For the search of the highest rate that loses nothing. */
const FASTER = [1.5, 2, 2.5, 3];
const FASTER_SECONDS = 3;

/**
 * A million distinct opens at 100,000 a second: the generator's own count, the log, and the losses that the log admits
 * must agree to the last one, and the losses must be none.
 */
export default {
  name: 'flood',
  defaultPairs: 3,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const flood = { folder: makeFloodFiles(FILES), files: FILES, processes: PROCESSES };
    const plainPipe = preparePlainPipe();
    const floods = [];
    const plain = [];
    for (let i = 0; i < pairs; i++) {
      floods.push(await runFlood({ ...flood, rate: RATE, verify: i === 0 }));
      plain.push(await plainPipe());
      progress('flood')(i + 1, pairs);
    }
    const faster = [];
    for (const factor of FASTER) {
      const files = Math.min(FILES, RATE * factor * FASTER_SECONDS);
      faster.push(await runFlood({ ...flood, files, rate: RATE * factor }));
    }
    const unbounded = await runFlood({ ...flood, rate: 0 });

    return {
      workload: `${FILES} files opened once each by ${PROCESSES} processes, ${RATE} a second`,
      lines: [
        {
          label: 'at that rate',
          measures: [...measures(floods, RATE, 0), perEvent(floods, plain)],
          raw: { floods, plain },
        },
        ...faster.map((run, i) => ({
          label: `at ${FASTER[i]} times the rate`,
          measures: measures([run], RATE),
          raw: run,
        })),
        { label: 'as fast as they can', measures: measures([unbounded], RATE), raw: unbounded },
      ],
      facts: [sustainedFact(floods, faster), memoryFact(floods)],
      failures: [...[...floods, ...faster, unbounded].flatMap(failuresOf), ...memoryFailures(floods)],
    };
  },
};

function measures(runs, rate, lostBound) {
  const column = (pick) => runs.map(pick);
  return [
    shareMeasure(
      'lost',
      column(({ lost }) => lost),
      column(({ opened }) => opened),
      lostBound,
    ),
    ratioMeasure(
      'rate reached',
      runs.map(() => rate),
      column(({ opened, wall_ns }) => opened / (wall_ns / 1e9)),
    ),
  ];
}

function perEvent(floods, plainNs) {
  return ratioMeasure(
    'CPU per event, of a plain Node pipe',
    plainNs,
    floods.map(({ ownMs, events }) => (ownMs * 1e6) / events),
  );
}

/** A rate counts when it was really reached, and when no lower one lost anything. */
function sustainedFact(floods, faster) {
  const isHeld = ({ lost, rate, opened, wall_ns }) => lost === 0 && opened / (wall_ns / 1e9) > 0.95 * rate;
  if (!floods.every(isHeld)) return 'the rate itself was not held without a loss';
  const failed = faster.findIndex((run) => !isHeld(run));
  const held = [1, ...FASTER].at(failed === -1 ? -1 : failed);
  return `nothing lost up to ${held} times the rate`;
}

const megabytes = (kb) => `${(kb / 1000).toFixed(0)} MB`;
const residentKb = ({ nodeMemory, loaderMemory }) => nodeMemory.own + loaderMemory.own;

function memoryFact(floods) {
  const [node, loader, maps] = [
    ({ nodeMemory }) => nodeMemory.own,
    ({ loaderMemory }) => loaderMemory.own,
    ({ loaderMemory }) => loaderMemory.bpfMaps,
  ].map((pick) => megabytes(median(floods.map(pick))));
  return `resident after a million events: Node ${node}, loader ${loader}; the kernel's rings (mapped twice) and tables ${maps} more`;
}

function memoryFailures(floods) {
  const most = Math.max(...floods.map(residentKb));
  return most <= MEMORY_BOUND_KB ? [] : [`resident memory is ${megabytes(most)}, over ${megabytes(MEMORY_BOUND_KB)}`];
}

function failuresOf({ rate, status, opened, failed, found, invented, reported, lost, intact }) {
  const at = rate ? `at ${rate} a second` : 'as fast as they can';
  return [
    ...(status === 0 ? [] : [`${at}: agentgov ended with status ${status}`]),
    ...(failed === 0 ? [] : [`${at}: ${failed} opens failed in the generator itself`]),
    ...(invented === 0 ? [] : [`${at}: ${invented} opens are in the log that nobody did`]),
    ...(found + reported + lost === opened + REPORT_EVENTS
      ? []
      : [
          `${at}: ${opened} opened and ${REPORT_EVENTS} more, but ${found} and ${reported} in the log and ${lost} said to be lost`,
        ]),
    ...(intact === false ? [`${at}: the log does not verify`] : []),
  ];
}
