// Spreads the lines of a log over all cores. A worker reads and checks a range of the file without knowing what came
// before it; this side then sees whether the ranges follow from each other. Threads only ever say that lines hold: from
// the first range on of which they do not, the caller looks for itself, so its verdict does not depend on them.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ChainCheck, Expected, LinesReport } from './chain-check.js';
import { RANGE } from './ranges.js';

/** What a worker is told at its start. */
export interface PoolJob {
  readonly expected: Expected;
  readonly wantsTree: boolean;
}

/** Bytes of an open file. Threads share their descriptors. */
export interface RangeRequest {
  readonly fd: number;
  readonly from: number;
  readonly to: number;
}

/** Where the lines of a range begin and end, and a report when they hold; undefined where they could not be read. */
export type RangeAnswer =
  | { readonly start: number; readonly end: number; readonly report: LinesReport | undefined }
  | undefined;

/** Smaller logs are done before a worker has started. */
const WORTH_BYTES = 16 * 2 ** 20;
const MOST_WORKERS = 8;
/** Ranges that a worker is asked for at a time: one to work on, one that waits. */
const AHEAD = 2;

// Beside the bundle; a checkout that runs its sources has none, and does without.
const SCRIPT = new URL('./audit-worker.js', import.meta.url);

/** How many workers a log of this size is worth; 0: none. */
export function workersFor(bytes: number | undefined): number {
  if (bytes === undefined || bytes < WORTH_BYTES) return 0;
  const cores = Math.min(availableParallelism(), MOST_WORKERS);
  return cores > 1 && existsSync(fileURLToPath(SCRIPT)) ? cores : 0;
}

/** A worker, and who waits for its answers: they come in the order of the questions. */
interface Hand {
  readonly worker: Worker;
  readonly waiting: Array<{ resolve: (answer: RangeAnswer) => void; reject: (error: Error) => void }>;
}

export class Pool {
  readonly #hands: readonly Hand[];
  readonly #check: ChainCheck;
  #asked = 0;

  constructor(count: number, check: ChainCheck) {
    this.#check = check;
    const workerData: PoolJob = { expected: check.expected, wantsTree: check.tree !== undefined };
    this.#hands = Array.from({ length: count }, () => handOf(new Worker(SCRIPT, { workerData })));
  }

  /**
   * Checks the lines of a regular file from its beginning on, as far as they hold. Returns where it has stopped: behind
   * the last line end, or before a line that does not hold. `onProgress`: with the bytes that are checked.
   */
  async run(fd: number, size: number, onProgress: (bytes: number) => void): Promise<number> {
    const asked: Array<Promise<RangeAnswer>> = [];
    try {
      let at = 0;
      for (let from = 0; from < size || asked.length > 0; ) {
        for (; from < size && asked.length < this.#hands.length * AHEAD; from += RANGE) {
          asked.push(this.#ask({ fd, from, to: Math.min(from + RANGE, size) }));
        }
        const answer = await asked.shift();
        if (answer === undefined) break;
        const { start, end, report } = answer;
        if (start === end) continue;
        if (start !== at || report === undefined || !this.#check.absorb(report)) break;
        at = end;
        onProgress(at);
      }
      return at;
    } finally {
      // The file must not be closed before.
      await Promise.allSettled(asked);
    }
  }

  #ask(request: RangeRequest): Promise<RangeAnswer> {
    const { worker, waiting } = this.#hands[this.#asked % this.#hands.length] as Hand;
    this.#asked += 1;
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#hands.map(({ worker }) => worker.terminate()));
  }
}

function handOf(worker: Worker): Hand {
  const hand: Hand = { worker, waiting: [] };
  worker.on('message', (answer: RangeAnswer) => hand.waiting.shift()?.resolve(answer));
  worker.on('error', (error) => {
    for (const { reject } of hand.waiting.splice(0)) reject(error);
  });
  return hand;
}
