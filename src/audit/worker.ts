// Checks ranges of a log in a thread of its own; pool.ts is the other end.
import { parentPort, workerData } from 'node:worker_threads';
import { reportOnLines } from './chain-check.js';
import type { PoolJob, RangeAnswer, RangeRequest } from './pool.js';
import { RangeReader } from './ranges.js';
import { Templates } from './templates.js';

const { expected, wantsTree } = workerData as PoolJob;
const reader = new RangeReader();
const templates = new Templates();

parentPort?.on('message', ({ fd, from, to }: RangeRequest) => {
  const lines = reader.read(fd, from, to);
  const answer: RangeAnswer = lines && {
    start: lines.start,
    end: lines.end,
    report: reportOnLines(lines.bytes, expected, wantsTree, templates),
  };
  parentPort?.postMessage(answer);
});
