// Makes the checkpoints of a log that is being written. It works behind the log and never holds it up: what cannot be
// signed or written now is done the next time.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { usageError } from '../errors.js';
import type { EventDraft } from '../events/index.js';
import { isCount } from '../untrusted.js';
import { type Checkpoint, checkpointsPath, originOf, signCheckpoint, splitNotes } from './checkpoint.js';
import { CheckpointFile } from './checkpoint-file.js';
import { overwrite, readBeside } from './files.js';
import { LeafRange } from './merkle.js';
import { type SignerKey, signersOf } from './note.js';
import { TreeReader } from './tree-reader.js';
import { TreeThread } from './tree-thread.js';

export interface CheckpointOptions {
  key: SignerKey;
  /** A checkpoint after this many events, 10,000 without it, … */
  everyEvents?: number;
  /** … and after this time, in ms, whether or not anything happened; 60,000 without it. */
  everyMs?: number;
  /** Called with each checkpoint when it is in the file. */
  onCheckpoint?: (note: string) => void;
}

export const EVERY_EVENTS = 10_000;
export const EVERY_MS = 60_000;

export const treePath = (log: string): string => `${log}.tree`;
/** A tree has at most 64 subtrees, of 64 digits each. */
const LARGEST_TREE = 2 ** 16;

/** Where a log stands on disk. */
export interface Durable {
  readonly count: number;
  /** Bytes of the file. */
  readonly size: number;
}

/** The record by which a log announces the checkpoint over all lines up to and including it. */
export const checkpointEvent = (key: SignerKey, reason: string, agentId: string): EventDraft => ({
  event_type: 'checkpoint',
  action: 'OBSERVED',
  agent_id: agentId,
  checkpoint_key: `${key.name}+${key.id}`,
  comm: 'agentgov',
  pid: process.pid,
  reason,
  timestamp: new Date().toISOString(),
});

/** True for the line of a `checkpoint` record: two bare quotes cannot stand within a string. */
const announces = (line: Buffer): boolean => line.includes('"event_type": "checkpoint", ');

export class Notary {
  readonly #wanted: number[] = [];
  /** Signed and not yet in the file. */
  #unwritten = '';
  #notes: FileHandle;
  #notesSize: number;
  #running: Promise<void> = Promise.resolve();
  #tree: TreeReader;
  readonly #thread = new TreeThread();

  private constructor(
    readonly path: string,
    readonly log: () => string | undefined,
    readonly options: CheckpointOptions,
    private file: FileHandle,
    tree: TreeReader,
    notes: FileHandle,
    notesSize: number,
  ) {
    this.#tree = tree;
    this.#notes = notes;
    this.#notesSize = notesSize;
  }

  /**
   * Goes on behind the last checkpoint of a log, and makes those that a crash left announced and unsigned.
   *
   * `start`: the leaves before the first line of the file. `log`: `hash_self` of the log's first line, once there is one.
   *
   * @throws AgentgovError (usage) when the checkpoints that are there contradict the log: signing more would lie.
   */
  static async open(
    path: string,
    durable: Durable,
    start: LeafRange,
    log: () => string | undefined,
    options: CheckpointOptions,
  ): Promise<Notary> {
    const place = checkpointsPath(path);
    const { last, end } = await lastOf(place);
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const file = await open(path, 'r');
    const notes = await open(place, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      // A note that a crash has torn is made again: the same lines have the same signature.
      await notes.truncate(end);
      const tree = await treeAt(path, file, last, start, options.key);
      const notary = new Notary(path, log, options, file, tree, notes, end);
      await notary.#catchUp(durable, last);
      return notary;
    } catch (error) {
      await file.close();
      await notes.close();
      throw error;
    }
  }

  async #catchUp(durable: Durable, last: Checkpoint | undefined): Promise<void> {
    const tree = this.#tree;
    const origin = originOf(this.log() ?? '');
    if (last && (last.size > durable.count || last.origin !== origin)) {
      throw doesNotFit(checkpointsPath(this.path), `its last checkpoint is of ${last.origin} and ${last.size} lines`);
    }
    if (last && tree.range.end <= last.size) {
      await tree.advance(last.size, durable.size);
      if (!sameRoot(tree.range, last))
        throw doesNotFit(checkpointsPath(this.path), 'its last checkpoint has another root');
    }
    const signed = last?.size ?? 0;
    await tree.advance(durable.count, durable.size, (line) => {
      if (tree.range.end > signed && announces(line)) this.#sign();
    });
    await this.#write();
  }

  /** Asks for a checkpoint over the first `size` lines. */
  request(size: number): void {
    this.#wanted.push(size);
  }

  /** Lines behind this one were given up. */
  forget(count: number): void {
    const kept = this.#wanted.filter((size) => size <= count);
    this.#wanted.splice(0, this.#wanted.length, ...kept);
  }

  /** Makes the checkpoints that are asked for and durable. Rejects when one cannot be made now; it will be next time. */
  async work(durable: Durable): Promise<void> {
    this.#running = this.#running.catch(() => {}).then(() => this.#work(durable));
    await this.#running;
  }

  async #work(durable: Durable): Promise<void> {
    while (this.#wanted[0] !== undefined && this.#wanted[0] <= durable.count) {
      await this.#thread.advance(this.#tree, this.file.fd, this.#wanted[0], durable.size);
      this.#wanted.shift();
      this.#sign();
    }
    await this.#write();
  }

  #sign(): void {
    const { range } = this.#tree;
    const head = { origin: originOf(this.log() ?? ''), size: range.end, root: range.root() };
    this.#unwritten += `${signCheckpoint(head, this.options.key)}\n`;
  }

  async #write(): Promise<void> {
    if (this.#unwritten === '') return;
    const text = this.#unwritten;
    const bytes = Buffer.from(text);
    try {
      await this.#notes.appendFile(bytes);
      await this.#notes.datasync();
    } catch (error) {
      await this.#notes.truncate(this.#notesSize).catch(() => {});
      throw error;
    }
    this.#unwritten = this.#unwritten.slice(text.length);
    this.#notesSize += bytes.length;
    await this.#keepTree();
    for (const note of splitNotes(text)) this.options.onCheckpoint?.(note);
  }

  /** So that the next start need not read the whole log; it trusts this file only as far as the last signature goes. */
  async #keepTree(): Promise<void> {
    const { range, offset } = this.#tree;
    const { ino } = await this.file.stat();
    const tree = { hashes: range.toHex(), ino, offset, size: range.end };
    await overwrite(treePath(this.path), `${JSON.stringify(tree)}\n`);
  }

  /** The log goes on in a new file of the same name. */
  async follow(): Promise<void> {
    await this.#running.catch(() => {});
    const file = await open(this.path, 'r');
    await this.file.close();
    this.file = file;
    this.#tree = new TreeReader(file, this.#tree.range, 0);
    await this.#keepTree();
  }

  /** The leaves so far, as `LeafRange.from` takes them. */
  get range(): LeafRange {
    return this.#tree.range;
  }

  async close(): Promise<void> {
    await this.#running.catch(() => {});
    await this.#thread.close();
    await this.#notes.close();
    await this.file.close();
  }
}

/** The last checkpoint, and the bytes up to its end. */
async function lastOf(place: string): Promise<{ last: Checkpoint | undefined; end: number }> {
  const known = await CheckpointFile.open(place);
  let last: Checkpoint | undefined;
  try {
    for await (const checkpoint of known?.each() ?? []) last = checkpoint;
    const { badLine, isTorn, end = 0 } = known?.rest ?? {};
    if (badLine !== undefined && !isTorn) throw doesNotFit(place, `its line ${badLine} is no checkpoint`);
    return { last, end };
  } finally {
    await known?.close();
  }
}

const sameRoot = (range: LeafRange, { root }: Checkpoint): boolean => Buffer.compare(range.root(), root) === 0;

const doesNotFit = (place: string, why: string) =>
  usageError(
    `${place} does not fit its log (${why}), so nothing more is signed: look with agentgov verify, then move both away`,
  );

/** What AUDIT.tree holds: the tree over the first `size` lines, which end at `offset` of the file with this inode. */
interface Kept {
  hashes: string[];
  ino: number;
  offset: number;
  size: number;
}

/** The tree as it was kept, if the last checkpoint vouches for it; else the leaves before the file. */
async function treeAt(
  path: string,
  file: FileHandle,
  last: Checkpoint | undefined,
  start: LeafRange,
  key: SignerKey,
): Promise<TreeReader> {
  const fresh = new TreeReader(file, start, 0);
  if (last === undefined || !signersOf(last.note, [key])?.length) return fresh;
  try {
    const kept = JSON.parse((await readBeside(treePath(path), LARGEST_TREE)).toString()) as Kept;
    const { ino, size } = await file.stat();
    const range = LeafRange.from(0, kept.size, kept.hashes);
    // The signature says nothing of the place, which a read of the file begins at.
    const isPlace = isCount(kept.offset) && kept.offset <= size;
    const fits = kept.ino === ino && isPlace && kept.size === last.size && range !== undefined && sameRoot(range, last);
    return fits ? new TreeReader(file, range, kept.offset) : fresh;
  } catch {
    // Not there, or no longer whole: it is only a short cut.
    return fresh;
  }
}
