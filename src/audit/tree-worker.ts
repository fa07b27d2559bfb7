// Hashes the lines of a log for its Merkle tree in a thread of its own; tree-thread.ts is the other end.
import { readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { LeafRange } from './merkle.js';
import { TreeReader } from './tree-reader.js';
import type { TreeAnswer, TreeRequest } from './tree-thread.js';

parentPort?.on('message', async ({ fd, position, begin, size, end }: TreeRequest) => {
  const file = {
    read: async (buffer: Buffer, offset: number, length: number, place: number | null) => ({
      bytesRead: readSync(fd, buffer, offset, length, place),
    }),
  };
  const tree = new TreeReader(file, new LeafRange(begin), position);
  let answer: TreeAnswer;
  try {
    await tree.advance(size, end);
    answer = { leaves: tree.range.toHex(), position: tree.offset };
  } catch (error) {
    answer = { error: error as Error };
  }
  parentPort?.postMessage(answer);
});
