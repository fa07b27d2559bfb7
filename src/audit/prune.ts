// Retention: removes finished files that are old enough, and writes down what it has removed.
import { readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import { syncFolder } from '../folders.js';
import { lockHolder } from '../lock.js';
import { addDigest, BrokenDigests, type Digest, Digests, plainName } from './digests.js';
import { codeOf } from './files.js';
import { filesOf } from './log-files.js';
import { verifyFile } from './verify.js';
import { AuditWriter } from './writer.js';

/** At least six months, for what the law asks to be kept (Regulation (EU) 2024/1689, articles 19 and 26). */
export const RETENTION_DAYS = 183;

const DAY_MS = 86_400_000;

export interface PruneOptions {
  /** Files that were finished longer ago than this may go. */
  readonly days: number;
  /** Remove nothing, only say what would be removed. */
  readonly dryRun?: boolean;
}

/** One file that was removed. */
export interface PrunedFile {
  readonly file: string;
  readonly bytes: number;
  readonly first_seq: number;
  readonly last_seq: number;
  /** When it was finished, which is after its last event. */
  readonly finished: string;
}

/**
 * Removes the oldest finished files of a log, whole, and never one behind a file that stays. The writer may be at work.
 * Each removal is durable in AUDIT.digests before the file goes, and the log itself tells of it from its next file or
 * its next start on; at once where nobody writes it.
 *
 * @throws AgentgovError: finding when a file that should go is missing or does not verify, for what is wrong with it
 *   would go too; usage when a file cannot be read or removed.
 */
export async function prune(log: string, { days, dryRun = false }: PruneOptions): Promise<PrunedFile[]> {
  const digests = await Digests.read(log).catch((error: unknown) => {
    if (!(error instanceof BrokenDigests)) throw error;
    throw new AgentgovError(`${error.message}: nothing is removed`, EXIT.finding, { cause: error });
  });
  if (digests.list.length === 0 && (await filesOf(log)).length === 0) {
    throw usageError(`cannot read ${log} (ENOENT): give the path of an audit log that you may read`);
  }
  const border = Date.now() - days * DAY_MS;
  const removed: PrunedFile[] = [];
  try {
    for (const digest of digests.list) {
      if (!(Date.parse(digest.timestamp) < border)) break;
      const file = await pruneFile(log, digest, digests.isRemoved(digest), days, dryRun);
      if (file !== undefined) removed.push(file);
    }
  } catch (error) {
    // Of what has gone by now.
    if (!dryRun) await tell(log).catch(() => {});
    const code = codeOf(error);
    if (error instanceof AgentgovError || code === undefined) throw error;
    throw usageError(`cannot remove files of ${log} (${code}): make its folder writable`, error);
  }
  if (!dryRun) await tell(log);
  return removed;
}

/** A writer's first act is to tell of what was removed, now or by a run that was interrupted. */
async function tell(log: string): Promise<void> {
  const { removals, announced } = await Digests.read(log);
  if (removals.length > announced && (await lockHolder(log)) === undefined) await (await AuditWriter.open(log)).close();
}

/** Undefined where the file has gone already. */
async function pruneFile(
  log: string,
  digest: Digest,
  isRecorded: boolean,
  days: number,
  dryRun: boolean,
): Promise<PrunedFile | undefined> {
  const folder = dirname(log);
  const names = (await readdir(folder)).filter((name) => plainName(name) === digest.file);
  if (names.length === 0) {
    if (isRecorded) return undefined;
    throw finding(`${digest.file} is missing, and nothing says that it was removed on purpose`);
  }
  const paths = names.map((name) => join(folder, name));
  for (const path of paths) {
    const { verdict, reason } = await verifyFile(path);
    if (verdict !== 'intact') throw finding(`${basename(path)} is ${verdict} (${reason})`);
  }
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  const { first_seq, last_seq, timestamp: finished, file } = digest;
  if (!dryRun) {
    const reason = `retention of ${days} days`;
    // A crash can have come between the record and the removal.
    if (!isRecorded) {
      await addDigest(log, { removed: file, first_seq, last_seq, reason, timestamp: new Date().toISOString() });
    }
    for (const path of paths) await unlink(path);
    await syncFolder(folder);
  }
  return { file, bytes: sizes.reduce((sum, size) => sum + size, 0), first_seq, last_seq, finished };
}

const finding = (what: string): AgentgovError =>
  new AgentgovError(`${what}, so nothing more is removed: look at the log with agentgov verify`, EXIT.finding);
