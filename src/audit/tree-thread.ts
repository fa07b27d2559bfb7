// Grows the Merkle tree of a log in another thread where there is much to hash: it costs two fifths of what appending does,
// and the thread that appends has no time for it when events come fast.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { LeafRange } from './merkle.js';
import type { TreeReader } from './tree-reader.js';

/** Lines [begin, size) of a log, the first of them at byte `position`. Threads share their descriptors. */
export interface TreeRequest {
  readonly fd: number;
  readonly position: number;
  readonly begin: number;
  readonly size: number;
  readonly end: number;
}
/** The leaves as `LeafRange.toHex` gives them, and where the file goes on. */
export type TreeAnswer = { readonly leaves: string[]; readonly position: number } | { readonly error: Error };

/** Less is hashed before another thread has begun. */
const WORTH_BYTES = 2 ** 20;

// Beside the bundle; a checkout that runs its sources has none, and does without.
const SCRIPT = new URL('./audit-tree.js', import.meta.url);

export class TreeThread {
  #worker: Worker | undefined;

  /** As `tree.advance`, of the regular file `fd`. One call at a time. */
  async advance(tree: TreeReader, fd: number, size: number, end: number): Promise<void> {
    if (tree.range.end >= size) return;
    if (end - tree.offset < WORTH_BYTES || !existsSync(fileURLToPath(SCRIPT))) return tree.advance(size, end);
    const begin = tree.range.end;
    const answer = await this.#ask({ fd, position: tree.offset, begin, size, end });
    if ('error' in answer) throw answer.error;
    const leaves = LeafRange.from(begin, size, answer.leaves);
    if (leaves === undefined) throw new Error('another thread has counted other leaves');
    tree.adopt(leaves, answer.position);
  }

  async #ask(request: TreeRequest): Promise<TreeAnswer> {
    const worker = this.#worker ?? (await begin());
    this.#worker = worker;
    // It keeps the process only while somebody waits for it.
    worker.ref();
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        worker.unref();
        worker.off('message', onMessage);
        worker.off('error', onError);
      };
      const onMessage = (answer: TreeAnswer): void => {
        settle();
        resolve(answer);
      };
      const onError = (error: Error): void => {
        settle();
        this.#worker = undefined;
        reject(error);
      };
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}

/** Most sessions need no other thread, nor Node's module for it. */
async function begin(): Promise<Worker> {
  const { Worker } = await import('node:worker_threads');
  return new Worker(SCRIPT);
}
