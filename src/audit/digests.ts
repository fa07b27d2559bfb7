// Rotation: the names of finished files, and AUDIT.digests, which says for each where it begins and ends. The digests are
// a chained log of their own, so that none can be changed or left out unseen.
import { basename, dirname, extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { usageError } from '../errors.js';
import { syncFolder } from '../folders.js';
import { Locked, takeLock } from '../lock.js';
import { isCount, isHash } from '../untrusted.js';
import { chained } from './canonical.js';
import { GENESIS, seal, type Tip } from './chain.js';
import { ChainCheck } from './chain-check.js';
import { codeOf, openToAppend, readBeside } from './files.js';

export const digestsPath = (log: string): string => `${log}.digests`;

const DIGITS = 6;
/** Some 600 bytes a file: room for a new one every hour of a century. */
const LARGEST = 2 ** 29;
const COMPRESSED = /\.(?:gz|zst)$/;

/** `audit-000001.jsonl` for the first finished file of `audit.jsonl`: sorted by name they stand before it, in order. */
export function finishedPath(log: string, number: number): string {
  const ext = extname(log);
  const stem = basename(log, ext);
  return join(dirname(log), `${stem}-${String(number).padStart(DIGITS, '0')}${ext}`);
}

/** The log that a finished file, packed or not, belongs to by its name; undefined when it is none. */
export function logOf(file: string): string | undefined {
  const name = basename(file).replace(COMPRESSED, '');
  const [, stem, ext] = /^(.+)-\d{6,}(\.[^.]+)$/.exec(name) ?? [];
  return stem === undefined ? undefined : join(dirname(file), `${stem}${ext}`);
}

/** The name that digests know a file by: without what a packer has added. */
export const plainName = (file: string): string => basename(file).replace(COMPRESSED, '');

/** One finished file of a log. */
export interface Digest {
  readonly file: string;
  readonly bytes: number;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly first_hash_prev: string;
  /** `hash_self` of its last line. */
  readonly tip: string;
  /** `hash_self` of the log's first line. */
  readonly log: string;
  /** The Merkle tree's subtrees behind its last line, in hex; empty where the log has no checkpoints. */
  readonly tree: string[];
  readonly timestamp: string;
}

/** A finished file that was removed on purpose, with what it held. */
export interface Removal {
  readonly removed: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly reason: string;
  readonly timestamp: string;
}

/** `behind`: the log tells of it behind this line, for the files up to there were finished when it was recorded. */
export type RecordedRemoval = Removal & { readonly behind: number };

/** That the log itself tells of so many removals, the first ones. */
export interface Announcement {
  readonly announced: number;
  readonly timestamp: string;
}

/** All that is known of a log's finished files. */
export class Digests {
  private constructor(
    readonly list: readonly Digest[],
    readonly removals: readonly RecordedRemoval[],
    /** How many of them the log tells of. */
    readonly announced: number,
    readonly tip: Tip,
  ) {}

  /**
   * The digests of a log; none where there is no file of them.
   *
   * @throws AgentgovError (usage) when they cannot be read or do not verify.
   */
  static async read(log: string): Promise<Digests> {
    const path = digestsPath(log);
    let bytes: Buffer;
    try {
      bytes = await readBeside(path, LARGEST);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return new Digests([], [], 0, { count: 0, hash: GENESIS });
      throw usageError(`cannot read ${path} (${code}): give a log whose files you may read`, error);
    }
    // What a crash has left half written is no digest; the writer makes it again.
    const text = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1).toString('latin1');
    const check = new ChainCheck();
    const fault = check.lines(Buffer.from(text, 'latin1')) ?? check.formFault;
    if (fault) throw new BrokenDigests(path, fault.line, fault.reason);
    const records = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Digest & Removal & Announcement);
    const strange = records.findIndex((record) => !isRecord(record));
    if (strange >= 0) throw new BrokenDigests(path, strange + 1, 'it holds what no digest can');
    const list = records.filter(({ file }) => file !== undefined);
    let behind = 0;
    const removals: RecordedRemoval[] = [];
    for (const record of records) {
      const { file, removed } = record;
      const own = list.find((digest) => digest.file === (file ?? removed));
      // However the records are ordered: a file is finished before it is removed.
      behind = Math.max(behind, own?.last_seq ?? 0);
      if (removed !== undefined) removals.push({ ...record, behind });
    }
    return new Digests(
      list,
      removals,
      records.findLast(({ announced }) => announced !== undefined)?.announced ?? 0,
      check.tip,
    );
  }

  get last(): Digest | undefined {
    return this.list.at(-1);
  }

  of(file: string): Digest | undefined {
    return this.list.find((digest) => digest.file === plainName(file));
  }

  /** The digest of the file that ends before line `seq`. */
  before(seq: number): Digest | undefined {
    return this.list.find((digest) => digest.last_seq === seq - 1);
  }

  isRemoved({ file }: Digest): boolean {
    return this.removals.some(({ removed }) => removed === file);
  }
}

const isText = (value: unknown): boolean => typeof value === 'string';

/** The chain has no secret, so a record that holds may still say anything. */
function isRecord(record: Digest & Removal & Announcement): boolean {
  const { file, removed, announced, first_seq: first, last_seq: last } = record;
  const hasLines = isCount(first) && isCount(last);
  if (file !== undefined) {
    const { bytes, first_hash_prev: prev, tip, log, tree, timestamp } = record;
    const hasHashes = [prev, tip, log].every(isHash) && Array.isArray(tree) && tree.every(isHash);
    return isText(file) && hasLines && isCount(bytes) && hasHashes && isText(timestamp);
  }
  if (removed !== undefined) return isText(removed) && hasLines && isText(record.reason);
  return announced === undefined || isCount(announced);
}

/** Digests that do not hold: nothing about the finished files can be said. */
export class BrokenDigests extends Error {
  constructor(path: string, line: number, reason: string) {
    super(`${path} does not verify at line ${line} (${reason})`);
  }
}

/** How long somebody else may be at the digests: they are held for the moments of one record. */
const PATIENCE_MS = 10_000;
const POLL_MS = 20;

/** Adds one record behind those that are there; durable when it resolves. The writer and `prune` may both do so. */
export async function addDigest(log: string, record: Digest | Removal | Announcement): Promise<void> {
  const release = await takeTurn(log);
  try {
    const { tip } = await Digests.read(log);
    const { line } = seal(chained({ ...record }, tip));
    const file = await openToAppend(digestsPath(log));
    try {
      const bytes = await file.readFile();
      const whole = bytes.lastIndexOf(0x0a) + 1;
      if (whole < bytes.length) await file.truncate(whole);
      await file.appendFile(`${line}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(log));
  } finally {
    await release();
  }
}

async function takeTurn(log: string): Promise<() => Promise<void>> {
  for (const end = Date.now() + PATIENCE_MS; ; await sleep(POLL_MS)) {
    try {
      return await takeLock(digestsPath(log));
    } catch (error) {
      if (!(error instanceof Locked) || Date.now() > end) throw error;
    }
  }
}
