// The one writer of a log.
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import type { AgentEvent } from '../events/index.js';
import { makeFolder, syncFolder } from '../folders.js';
import { takeLock } from '../lock.js';
import { chained } from './canonical.js';
import { fillTemplate, GENESIS, MAX_LINE, seal, type Tip, type Unsealed } from './chain.js';
import { checkpointsPath } from './checkpoint.js';
import { addDigest, type Digest, Digests } from './digests.js';
import { openToAppend } from './files.js';
import { LeafRange } from './merkle.js';
import { type CheckpointOptions, checkpointEvent, EVERY_EVENTS, EVERY_MS, Notary } from './notary.js';
import { Outbox } from './outbox.js';
import { prunedEvent } from './pruned-event.js';
import { lastLineEnd, pendingTails, recoveredEvent, setAside, settle } from './recover.js';
import { knownDigests, knownTip, openError, refuseIfChanged } from './refuse.js';
import { takeReserve } from './reserve.js';
import { type Finished, finishFile, giveName, isFinished, startOf } from './rotate.js';
import { checkTail, firstHash, lastAgent } from './tail.js';
import { TipFile } from './tip-file.js';

export interface WriterOptions {
  /** Make missing folders, readable by their owner alone; for the default place of a log, never for a user's. */
  makeFolder?: boolean;
  /** How long lines may wait for fdatasync, in ms: what a power failure can take. 200 without it; 0: each write. */
  fsyncMs?: number;
  /** The agent that the writer's own records speak of; without it, the one of the last line. */
  agentId?: string;
  /** Sign checkpoints over the log, into AUDIT.checkpoints. */
  checkpoints?: CheckpointOptions;
  /** Begin a new file when this one has so many bytes, or has been written for so long (in ms). Never without them. */
  rotateBytes?: number;
  rotateMs?: number;
  /** Keep some room beside the log (AUDIT.reserve) that `abandon` frees for the last words of a full disk. */
  reserve?: boolean;
}

/** A line that got its place in the log. `line` is exactly what the file gets, without the LF. */
export interface Appended {
  readonly seq: number;
  readonly line: string;
}

/** Where a log stands when its writer begins. */
interface Standing {
  /** Bytes of whole lines. */
  readonly size: number;
  readonly tip: Tip;
  /** `hash_self` of its first line. */
  readonly log: string | undefined;
  readonly tipFile: TipFile;
  /** Whom the writer's own records speak of. */
  readonly agentId: string;
  /** Where the log stood when the file was begun. */
  readonly start: Tip;
}

/** What sealing adds to a record: a hash and its key. */
const SEAL_SIZE = 81;

/**
 * Appends events to one log: chained, in batches, durable within 200 ms. It never throws because a disk is full: it
 * keeps up to 16 MiB for later, then counts what it must drop.
 */
export class AuditWriter {
  /** Called once each time that writing begins to fail, with what to tell the user. */
  onFailure: (error: AgentgovError) => void = () => {};
  /** Called when everything that was kept is in the log: now is the time to append `events_lost`. */
  onRecovered: () => void = () => {};

  /** Called when the writer has appended a record of its own: a checkpoint. */
  onOwnRecord: () => void = () => {};

  /** Absolute. */
  readonly path: string;
  #file: FileHandle;
  readonly #releaseLock: () => Promise<void>;
  #freeReserve: () => Promise<void> = async () => {};
  readonly #outbox: Outbox;
  readonly #tipFile: TipFile;
  #log: string | undefined;
  #tip: Tip;
  /** What the tip file may say. */
  #durable: Tip & { size: number };
  #lost = 0;
  #closed: Promise<void> | undefined;
  #notary: Notary | undefined;
  readonly #agentId: string;
  /** Where the log stood when the file was begun, and bytes that it has or will have. */
  #start: Tip;
  #fileBytes: number;
  /** The last line of the file before, also while that is still being finished. */
  #cutAt: number;
  #end: number;
  #removalsTold = 0;
  readonly #rotateBytes: number;
  readonly #rotateMs: number | undefined;
  #rotateTimer: NodeJS.Timeout | undefined;
  #untilCheckpoint = Number.POSITIVE_INFINITY;
  #checkpointTimer: NodeJS.Timeout | undefined;

  private constructor(
    path: string,
    file: FileHandle,
    releaseLock: () => Promise<void>,
    { size, tip, log, tipFile, agentId, start }: Standing,
    { fsyncMs, rotateBytes, rotateMs }: WriterOptions,
  ) {
    this.path = path;
    this.#file = file;
    this.#releaseLock = releaseLock;
    this.#tip = tip;
    this.#log = log;
    this.#tipFile = tipFile;
    this.#agentId = agentId;
    this.#start = start;
    this.#cutAt = start.count;
    this.#fileBytes = size;
    this.#end = size;
    this.#rotateBytes = rotateBytes ?? Number.POSITIVE_INFINITY;
    this.#rotateMs = rotateMs;
    this.#durable = { ...tip, size };
    this.#outbox = new Outbox(file, size, fsyncMs);
    this.#outbox.onFailure = (cause) => {
      this.onFailure(this.#failed(cause));
    };
    this.#outbox.onDurable = async (durable, bytes) => {
      this.#durable = { ...durable, size: bytes };
      await this.#tipFile.write({ ...this.#durable, log: this.#log ?? GENESIS, closed: false });
    };
    this.#outbox.onRecovered = () => this.onRecovered();
  }

  /**
   * Opens a log for writing, or begins one (mode 0600), and takes its lock. An existing log is continued; a torn tail
   * that a crash left is set aside first, and recorded.
   *
   * @throws AgentgovError (usage) when the place cannot be written, another writer has the log, or its last 1,000 lines
   *   do not verify.
   */
  static async open(file: string, options: WriterOptions = {}): Promise<AuditWriter> {
    const { reserve = false } = options;
    const path = resolve(file);
    try {
      if (options.makeFolder) makeFolder(dirname(path), 0o700);
      const releaseLock = await takeLock(path);
      try {
        const writer = await AuditWriter.#openLocked(path, releaseLock, options);
        if (reserve) writer.#freeReserve = await takeReserve(path);
        return writer;
      } catch (error) {
        await releaseLock();
        throw error;
      }
    } catch (error) {
      throw openError(path, error);
    }
  }

  static async #openLocked(
    path: string,
    releaseLock: () => Promise<void>,
    options: WriterOptions,
  ): Promise<AuditWriter> {
    const file = await openToAppend(path);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw usageError(`${path} is not a regular file: give the path of a log`);
      const size = await lastLineEnd(file, found.size);
      // First: nothing is changed in a log that will be refused.
      const known = await knownTip(path);
      const digests = await knownDigests(path);
      if (digests.last && (await isFinished(file, digests.last))) {
        // A crash came between the digest of this file and its new name.
        await file.close();
        await giveName(path, digests.last.file);
        return await AuditWriter.#openLocked(path, releaseLock, options);
      }
      const start = startOf(digests.last);
      const { tip, known: hash } = await checkTail(file, path, size, known, start);
      if (known) refuseIfChanged(path, tip, hash, known);
      if (size < found.size) await setAside(file, path, size, found.size);
      if (found.size === 0) await syncFolder(dirname(path));
      const log = digests.last?.log ?? (tip.count > 0 ? await firstHash(file) : undefined);
      const agentId = options.agentId ?? (await lastAgent(file, size));
      const tipFile = await TipFile.open(path);
      try {
        if (known?.closed) await tipFile.reopen(known);
        const writer = new AuditWriter(path, file, releaseLock, { size, tip, log, tipFile, agentId, start }, options);
        if (options.checkpoints) await writer.#beginCheckpoints(options.checkpoints, digests.last);
        writer.#watchAge(found.birthtimeMs);
        await writer.#recordTorn();
        await writer.#recordRemovals();
        return writer;
      } catch (error) {
        await tipFile.close();
        throw error;
      }
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Tails that were set aside now, or by a start that did not live to record them. */
  async #recordTorn(): Promise<void> {
    for (const torn of await pendingTails(this.path)) {
      this.append(recoveredEvent(torn, this.#agentId));
      await this.#outbox.sync();
      if (this.#outbox.failure) throw this.#outbox.failure;
      await settle(torn);
    }
  }

  /** Finished files that were removed on purpose: the log says so, where its own chain and checkpoints vouch for it. */
  async #recordRemovals(): Promise<void> {
    const { removals, announced } = await Digests.read(this.path);
    // Another rotation may be at it; what comes after the end is told by the next start.
    const told = Math.max(announced, this.#removalsTold);
    if (removals.length === told || this.#closed) return;
    this.#removalsTold = removals.length;
    for (const removal of removals.slice(told)) this.append(prunedEvent(dirname(this.path), removal, this.#agentId));
    await this.#outbox.sync();
    if (this.#outbox.failure) throw this.#outbox.failure;
    await addDigest(this.path, { announced: removals.length, timestamp: new Date().toISOString() });
  }

  async #beginCheckpoints(options: CheckpointOptions, last: Digest | undefined): Promise<void> {
    const leaves = LeafRange.from(0, last?.last_seq ?? 0, last?.tree ?? []);
    if (leaves === undefined) {
      throw usageError(
        `${this.path} was rotated without checkpoints, so they cannot begin now: go on without them (--no-checkpoints), or move it and its other files away first`,
      );
    }
    this.#notary = await Notary.open(this.path, this.#durable, leaves, () => this.#log, options);
    this.#untilCheckpoint = options.everyEvents ?? EVERY_EVENTS;
    this.#checkpointTimer = setInterval(() => this.#announce('interval'), options.everyMs ?? EVERY_MS);
    this.#checkpointTimer.unref();
  }

  /** `born`: when the file was made, in ms since 1970. */
  #watchAge(born: number): void {
    clearTimeout(this.#rotateTimer);
    if (this.#rotateMs === undefined) return;
    // Node's longest timer is 2^31 - 1 ms.
    const wait = Math.min(Math.max(born + this.#rotateMs - Date.now(), 0), 2 ** 31 - 1);
    this.#rotateTimer = setTimeout(() => {
      if (this.#tip.count === this.#cutAt) this.#watchAge(Date.now());
      else if (Date.now() < born + (this.#rotateMs ?? 0)) this.#watchAge(born);
      else this.#rotate();
    }, wait);
    this.#rotateTimer.unref();
  }

  /** The lines that follow go into a new file. */
  #rotate(): void {
    // The file is whole again from here on, so that announcing does not begin this anew.
    this.#fileBytes = 0;
    this.#announce('rotation');
    const last = this.#tip;
    this.#cutAt = last.count;
    this.#outbox.cut(() => this.#finishFile(last));
    this.#fileBytes = 0;
    this.#watchAge(Date.now());
  }

  /** Gives the file its digest and its last name, and begins the next. May be called again when it has failed. */
  async #finishFile(last: Tip): Promise<FileHandle> {
    const { log } = await finishFile(this.path, this.#file, last, () => this.#describeFile(last));
    const next = await openToAppend(this.path);
    await syncFolder(dirname(this.path));
    await this.#file.close();
    this.#file = next;
    this.#start = last;
    this.#durable = { ...last, size: 0 };
    await this.#tipFile.write({ ...this.#durable, log, closed: false });
    await this.#notary?.follow();
    // Behind this: it waits for lines to be durable, which they cannot be before this ends. Else the next start does it.
    void this.#recordRemovals().catch(() => {});
    return next;
  }

  async #describeFile(last: Tip): Promise<Finished> {
    await this.#notary?.work(this.#durable);
    const { range } = this.#notary ?? {};
    return {
      start: this.#start,
      bytes: this.#durable.size,
      log: this.#log ?? GENESIS,
      tree: range?.end === last.count ? range.toHex() : [],
    };
  }

  /** Writes into the log that there will be a checkpoint up to this very line, and sees to it. */
  #announce(reason: string): void {
    const notary = this.#notary;
    if (notary === undefined) return;
    this.#untilCheckpoint = (notary.options.everyEvents ?? EVERY_EVENTS) + 1;
    // Before the line is there: it may be the one that begins a new file, which announces a later one.
    notary.request(this.#tip.count + 1);
    const placed = this.append(checkpointEvent(notary.options.key, reason, this.#agentId));
    if (placed === undefined) {
      notary.forget(this.#tip.count);
      return;
    }
    this.onOwnRecord();
    // One that cannot be made now is made with the next one; the log itself is not held up.
    if (reason !== 'end') void this.#certify(notary).catch(() => {});
  }

  async #certify(notary: Notary): Promise<void> {
    await this.#outbox.sync();
    await notary.work(this.#durable);
  }

  /** Where the log stands with everything appended so far, written or not. */
  get tip(): Tip {
    return this.#tip;
  }

  /**
   * Bytes of the log with everything appended so far, written or not: counted from the first of the file that was open
   * first, over all files that came after it.
   */
  get end(): number {
    return this.#end;
  }

  /** Events that got no place in the log, since it was opened. */
  get lostEvents(): number {
    return this.#lost;
  }

  /** Bytes that are not in the file yet: wait for `flush()` when it is more than you want in memory. */
  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  /**
   * Appends an event without `seq`, `hash_prev` and `hash_self`. Undefined means that it was lost and counted: writing
   * fails and no more can be kept, the event is longer than a line may be (16 MiB), or the log is closed.
   *
   * @throws TypeError when a value is none that a record may hold.
   */
  append(event: AgentEvent): Appended | undefined {
    return this.#place(chained(event, this.#tip));
  }

  /**
   * As `append`, for an event that is in canonical form already, with `"hash_prev": ""` and `"seq": 0` as placeholders
   * and no `hash_self`.
   *
   * @throws AgentgovError (internal) when it is not.
   */
  appendPrepared(template: string): Appended | undefined {
    return this.#place(fillTemplate(template, this.#tip));
  }

  #place(record: Unsealed): Appended | undefined {
    if (this.#closed || this.#outbox.full || record.head.length + record.tail.length > MAX_LINE - SEAL_SIZE) {
      this.#lost += 1;
      return undefined;
    }
    const { line, hash } = seal(record);
    const seq = this.#tip.count + 1;
    this.#tip = { count: seq, hash };
    this.#log ??= hash;
    this.#outbox.push(line, this.#tip);
    this.#untilCheckpoint -= 1;
    this.#fileBytes += line.length + 1;
    this.#end += line.length + 1;
    if (this.#untilCheckpoint === 0) this.#announce('events');
    if (this.#fileBytes >= this.#rotateBytes) this.#rotate();
    return { seq, line };
  }

  /** Resolves when everything appended so far is in the file (not yet durable), or when writing fails. */
  flush(): Promise<void> {
    return this.#outbox.flush();
  }

  /**
   * For a log that has to end while it cannot be written: one more attempt, then the lines that are still not in the
   * file are given up and counted in `lostEvents`, the reserve is freed, and the next line goes on behind the last one
   * in the file. Returns the number of lines that were given up.
   */
  async abandon(): Promise<number> {
    const lines = await this.#outbox.abandon();
    if (lines === 0) return 0;
    this.#lost += lines;
    ({ tip: this.#tip } = await checkTail(this.#file, this.path, this.#outbox.size, undefined, this.#start));
    this.#fileBytes = this.#outbox.size;
    this.#notary?.forget(this.#tip.count);
    await this.#freeReserve();
    return lines;
  }

  /**
   * Writes what is left, makes it durable and gives the lock back.
   *
   * @throws AgentgovError (internal) when events could not be written; they are in `lostEvents` then.
   */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      clearInterval(this.#checkpointTimer);
      clearTimeout(this.#rotateTimer);
      this.#announce('end');
      this.#closed = this.#close();
    }
    return this.#closed;
  }

  async #close(): Promise<void> {
    const unwritten = await this.#outbox.close();
    this.#lost += unwritten;
    const { failure } = this.#outbox;
    const unsigned = await this.#endCheckpoints();
    if (!failure) await this.#tipFile.write({ ...this.#durable, log: this.#log ?? GENESIS, closed: true });
    await this.#tipFile.close();
    await this.#file.close();
    await this.#freeReserve();
    await this.#releaseLock();
    if (failure) {
      throw new AgentgovError(
        `${this.path} is not complete: its last ${unwritten} events could not be written (${failure.message})`,
        EXIT.internal,
        { cause: failure },
      );
    }
    if (unsigned) {
      throw new AgentgovError(
        `${checkpointsPath(this.path)} is not complete (${unsigned.message}): make room there, the next start will sign it`,
        EXIT.internal,
        { cause: unsigned },
      );
    }
  }

  /** The last checkpoint, over all lines. Returns why it could not be made. */
  async #endCheckpoints(): Promise<Error | undefined> {
    const notary = this.#notary;
    if (notary === undefined) return undefined;
    try {
      await notary.work(this.#durable);
      return undefined;
    } catch (error) {
      return error as Error;
    } finally {
      await notary.close();
    }
  }

  #failed(cause: Error): AgentgovError {
    return new AgentgovError(`cannot write to ${this.path} (${cause.message}): make room there`, EXIT.internal, {
      cause,
    });
  }
}
