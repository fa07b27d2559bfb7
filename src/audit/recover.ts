// A crash can leave a torn line at the end of a log. It is evidence too, so it is set aside and never thrown away.
//
// Three steps, each durable before the next: the bytes are copied to AUDIT.torn-HASH.pending; the log is cut; a
// `log_recovered` record goes into the log, and only then the copy gets its final name AUDIT.torn-HASH. A crash between
// any two leaves a `.pending` file, and the next start does what is still to be done.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { EventDraft } from '../events/index.js';
import { syncFolder } from '../folders.js';
import { LF } from './blocks.js';

const STEP = 2 ** 16;
const NAME_HASH = 16;
const PENDING = '.pending';

/** A torn tail that was set aside and is not yet recorded in the log. */
export interface Torn {
  /** Where it lies now, and where it will when it is recorded. */
  readonly pending: string;
  readonly path: string;
  readonly sha256: string;
  /** Bytes. */
  readonly length: number;
}

/** The offset behind the last LF before `size`; 0 without any. */
export async function lastLineEnd(file: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(STEP);
  for (let end = size; end > 0; ) {
    const start = Math.max(end - STEP, 0);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(LF);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

/** Sets aside what stands in the log from `from` to `size`, and cuts the log there. The log's lock must be held. */
export async function setAside(log: FileHandle, path: string, from: number, size: number): Promise<void> {
  const draft = `${path}.torn-draft`;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  await rm(draft, { force: true });
  const copy = await open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  const digest = createHash('sha256');
  try {
    const buffer = Buffer.allocUnsafe(STEP);
    for (let at = from; at < size; ) {
      const { bytesRead } = await log.read(buffer, 0, Math.min(STEP, size - at), at);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      digest.update(piece);
      await copy.write(piece);
      at += bytesRead;
    }
    await copy.sync();
  } finally {
    await copy.close();
  }
  await rename(draft, `${path}.torn-${digest.digest('hex').slice(0, NAME_HASH)}${PENDING}`);
  await syncFolder(dirname(path));
  await log.truncate(from);
  await log.datasync();
}

/** Torn tails that wait for their record, in the order of their names. */
export async function pendingTails(path: string): Promise<Torn[]> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.torn-`;
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix) && name.endsWith(PENDING));
  return Promise.all(names.sort().map((name) => describe(join(folder, name))));
}

async function describe(pending: string): Promise<Torn> {
  const file = await open(pending, constants.O_RDONLY | constants.O_NOFOLLOW);
  const digest = createHash('sha256');
  let length = 0;
  try {
    for await (const piece of file.createReadStream({ autoClose: false })) {
      digest.update(piece as Buffer);
      length += (piece as Buffer).length;
    }
  } finally {
    await file.close();
  }
  return { pending, path: pending.slice(0, -PENDING.length), sha256: digest.digest('hex'), length };
}

/** The record of a torn tail, as an event of agentgov itself. */
export const recoveredEvent = (torn: Torn, agentId: string): EventDraft => ({
  event_type: 'log_recovered',
  action: 'OBSERVED',
  agent_id: agentId,
  comm: 'agentgov',
  tail_bytes: torn.length,
  path: torn.path,
  pid: process.pid,
  reason: 'the last writer was stopped in the middle of a line; the torn line was set aside',
  tail_sha256: torn.sha256,
  timestamp: new Date().toISOString(),
});

/** Gives a tail its final name. Call it when its record is durable. */
export async function settle(torn: Torn): Promise<void> {
  await rename(torn.pending, torn.path);
  await syncFolder(dirname(torn.path));
}
