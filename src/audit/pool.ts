// Spreads the lines of a log over all cores. A block is checked by a worker that does not know what came before it; this
// side then sees whether the blocks follow from each other.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { BlockReport, ChainCheck, Fault } from './chain-check.js';

/** What a worker is told at its start. */
export interface PoolJob {
  readonly watched: readonly number[];
  readonly wantsTree: boolean;
}

/** A block on its way to a worker; the buffer comes back with the answer. */
export interface BlockRequest {
  readonly buffer: ArrayBuffer;
  readonly length: number;
}
export interface BlockAnswer {
  readonly buffer: ArrayBuffer;
  readonly report: BlockReport;
}

/** Smaller logs are done before a worker has started. */
const WORTH_BYTES = 16 * 2 ** 20;
const MOST_WORKERS = 8;
/** Blocks that a worker has or that wait for it: one to work on, one that lies ready. */
const AHEAD = 2;

// Beside the bundle; a checkout that runs its sources has none, and does without.
const SCRIPT = new URL('./audit-worker.js', import.meta.url);

/** How many workers a log of this size is worth; 0: none. */
export function workersFor(bytes: number | undefined): number {
  if (bytes !== undefined && bytes < WORTH_BYTES) return 0;
  const cores = Math.min(availableParallelism(), MOST_WORKERS);
  return cores > 1 && existsSync(fileURLToPath(SCRIPT)) ? cores : 0;
}

export class BlockPool {
  readonly #workers: Worker[];
  readonly #check: ChainCheck;
  readonly #inFlight: Array<Promise<BlockAnswer>> = [];
  readonly #buffers: ArrayBuffer[] = [];
  #next = 0;

  constructor(count: number, check: ChainCheck) {
    this.#check = check;
    const workerData: PoolJob = { watched: check.watched, wantsTree: check.tree !== undefined };
    this.#workers = Array.from({ length: count }, () => new Worker(SCRIPT, { workerData }));
  }

  /** Takes whole lines, and returns the first fault that is known by now: of these, or of lines before them. */
  async take(bytes: Uint8Array): Promise<Fault | undefined> {
    let buffer = this.#buffers.pop();
    if (buffer === undefined || buffer.byteLength < bytes.length) buffer = new ArrayBuffer(bytes.length);
    new Uint8Array(buffer).set(bytes);
    this.#inFlight.push(this.#ask({ buffer, length: bytes.length }));
    return this.#inFlight.length > this.#workers.length * AHEAD ? this.#settleOne() : undefined;
  }

  /** Waits for all blocks. */
  async drain(): Promise<Fault | undefined> {
    while (this.#inFlight.length > 0) {
      const fault = await this.#settleOne();
      if (fault) return fault;
    }
    return undefined;
  }

  async #settleOne(): Promise<Fault | undefined> {
    const answer = await this.#inFlight.shift();
    if (answer === undefined) return undefined;
    this.#buffers.push(answer.buffer);
    return this.#check.absorb(answer.report);
  }

  #ask(request: BlockRequest): Promise<BlockAnswer> {
    // In turn: each worker answers in the order in which it was asked.
    const worker = this.#workers[this.#next++ % this.#workers.length] as Worker;
    const answer = new Promise<BlockAnswer>((resolve, reject) => {
      const onMessage = (message: BlockAnswer) => {
        worker.off('error', reject);
        resolve(message);
      };
      worker.once('error', reject);
      // Answers come in the order of the questions, and so do the listeners' turns.
      this.#listen(worker, onMessage);
    });
    // A fault may end the work before anybody waits for this one.
    answer.catch(() => {});
    worker.postMessage(request, [request.buffer]);
    return answer;
  }

  readonly #waiting = new Map<Worker, Array<(message: BlockAnswer) => void>>();

  #listen(worker: Worker, onMessage: (message: BlockAnswer) => void): void {
    const queue = this.#waiting.get(worker);
    if (queue) {
      queue.push(onMessage);
      return;
    }
    const fresh = [onMessage];
    this.#waiting.set(worker, fresh);
    worker.setMaxListeners(0);
    worker.on('message', (message: BlockAnswer) => fresh.shift()?.(message));
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
