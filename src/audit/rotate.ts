// The end of one file of a log: its digest first, then its last name, so that a crash between the two can be finished by
// whoever comes next.
import { type FileHandle, link, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../folders.js';
import { GENESIS, type Tip } from './chain.js';
import { addDigest, type Digest, Digests, finishedPath } from './digests.js';
import { lastHash } from './tail.js';

/** What a digest says of a file beside its name and its end. */
export interface Finished {
  /** Where the log stood when the file was begun. */
  readonly start: Tip;
  readonly bytes: number;
  /** `hash_self` of the log's first line. */
  readonly log: string;
  /** The Merkle tree's subtrees behind its last line, in hex; empty where the log has no checkpoints. */
  readonly tree: string[];
}

/**
 * Gives the file of a log that ends with `last` its digest and its last name. May be called again when it has failed:
 * `describe` is asked only where the digest is not there.
 */
export async function finishFile(
  path: string,
  file: FileHandle,
  last: Tip,
  describe: () => Promise<Finished>,
): Promise<Digest> {
  const digests = await Digests.read(path);
  let own = digests.last?.last_seq === last.count ? digests.last : undefined;
  if (own === undefined) {
    const { start, bytes, log, tree } = await describe();
    own = {
      bytes,
      file: basename(finishedPath(path, digests.list.length + 1)),
      first_hash_prev: start.hash,
      first_seq: start.count + 1,
      last_seq: last.count,
      log,
      timestamp: new Date().toISOString(),
      tip: last.hash,
      tree,
    };
    await addDigest(path, own);
  }
  if (await isSameFile(path, file)) await giveName(path, own.file);
  return own;
}

/** Where the log stands at the end of this file; at its beginning without one. */
export const startOf = (last: Digest | undefined): Tip =>
  last ? { count: last.last_seq, hash: last.tip } : { count: 0, hash: GENESIS };

/** True when the open file is the one that this digest speaks of, under the log's own name still. */
export const isFinished = async (file: FileHandle, { tip, bytes }: Digest): Promise<boolean> =>
  (await file.stat()).size === bytes && (await lastHash(file, bytes)) === tip;

const isSameFile = async (path: string, file: FileHandle): Promise<boolean> => {
  const [named, own] = await Promise.all([stat(path).catch(() => undefined), file.stat()]);
  return named?.ino === own.ino && named.dev === own.dev;
};

/** Renames a log's file to a name in the same folder that nothing has yet. */
export async function giveName(path: string, name: string): Promise<void> {
  const finished = join(dirname(path), name);
  // link(2) fails where rename(2) would replace. A crash can have left both names.
  await link(path, finished).catch(async (error: unknown) => {
    const [one, other] = await Promise.all([stat(path), stat(finished)]);
    if (one.ino !== other.ino || one.dev !== other.dev) throw error;
  });
  await unlink(path);
  await syncFolder(dirname(path));
}
