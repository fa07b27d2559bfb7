// Checks blocks of a log in a thread of its own; pool.ts is the other end.
import { parentPort, workerData } from 'node:worker_threads';
import { reportOnBlock } from './chain-check.js';
import type { BlockAnswer, BlockRequest, PoolJob } from './pool.js';
import { Templates } from './templates.js';

const { watched, wantsTree } = workerData as PoolJob;
const marks = new Set(watched);
const templates = new Templates();

parentPort?.on('message', ({ buffer, length }: BlockRequest) => {
  const report = reportOnBlock(Buffer.from(buffer, 0, length), marks, wantsTree, templates);
  const answer: BlockAnswer = { buffer, report };
  parentPort?.postMessage(answer, [buffer]);
});
