// Carries finished lines to the file: in batches, in order, one write at a time, and made durable in groups.
//
// The lines in here are already chained, so none may be left out or swapped. What could not be written stays at the
// head of the queue, and the file is cut back to its last whole line, so that the chain goes on from exactly what is
// in it. Where it cannot be cut (an append-only file), the queue goes on in the middle of the line: the bytes are the
// same either way.
import type { FileHandle } from 'node:fs/promises';
import { countLines, LF } from './blocks.js';
import type { Tip } from './chain.js';

/** How long written lines may wait for fdatasync, unless told otherwise: what a power failure can take. */
export const SYNC_MS = 200;
/**
 * Writes follow each other no faster than this, so that one carries many lines. What comes after a longer pause is
 * written at once, with all that has come in the same step: who reads the loader has been woken anyway.
 */
const GATHER_MS = 50;
const BATCH = 256 * 1024;
/** Lines that are longer do not wait for others. */
const LONG = 64 * 1024;
/** Bytes that may wait for fdatasync, because they are kept until it has succeeded. */
const MAX_UNSYNCED = 16 * 2 ** 20;
/** While writing fails, what is kept to be tried again. */
const MAX_KEPT = 16 * 2 ** 20;
const RETRY_MS = 500;

/** Whole lines (or the rest of one that was begun), and where the log stands behind them. */
interface Chunk {
  readonly bytes: Buffer;
  readonly tip: Tip | undefined;
  /** No lines, but the place where the log goes on in another file: it makes that file. */
  readonly cut?: () => Promise<LogFile>;
}

export type LogFile = Pick<FileHandle, 'write' | 'datasync' | 'truncate' | 'stat'>;

export class Outbox {
  /** Called once each time that writing begins to fail. */
  onFailure: (error: Error) => void = () => {};
  /** Awaited after each fdatasync: where the log stands now, in lines and in bytes. What it throws is a failure. */
  onDurable: (tip: Tip, size: number) => Promise<void> = async () => {};
  /** Called when everything is written and durable again. */
  onRecovered: () => void = () => {};

  #file: LogFile;
  readonly #syncMs: number;
  /** Bytes in the file, all of them ours or there before; what is durable of them. */
  #size: number;
  #syncedSize: number;
  /** The lines that wait for others: bytes, for as text they would be moved about by the garbage collector. */
  readonly #gathered = Buffer.allocUnsafeSlow(BATCH + LONG);
  #gatheredBytes = 0;
  #lastTip: Tip | undefined;
  #queue: Chunk[] = [];
  #queueBytes = 0;
  /** Written since the last fdatasync. */
  #unsynced: Chunk[] = [];
  #lastSync = 0;
  #failure: Error | undefined;
  /** The file ends within the line that the queue goes on with. */
  #isTorn = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  /** The clock is set for lines, or for another try: not for fdatasync alone. */
  #isExpected = false;
  /** When the queue was last empty, in ms of a clock that nobody sets. */
  #lastRun = Number.NEGATIVE_INFINITY;

  /** `size`: the file's length, which must end with a whole line. */
  constructor(file: LogFile, size: number, syncMs: number = SYNC_MS) {
    this.#file = file;
    this.#syncMs = syncMs;
    this.#size = size;
    this.#syncedSize = size;
  }

  /** Bytes that are not in the file yet. */
  get pendingBytes(): number {
    return this.#queueBytes + this.#gatheredBytes;
  }

  /** True when writing fails and no more can be kept: a line that is taken now would have to be dropped later. */
  get full(): boolean {
    return this.#failure !== undefined && this.pendingBytes > MAX_KEPT;
  }

  /** Takes one line in canonical form (ASCII), without its LF; `tip`: where the log stands behind it. */
  push(line: string, tip?: Tip): void {
    if (line.length < LONG) {
      this.#gatheredBytes += this.#gathered.write(line, this.#gatheredBytes, 'latin1');
      this.#gathered[this.#gatheredBytes++] = LF;
      this.#lastTip = tip;
    } else {
      this.#gather();
      this.#lastTip = tip;
      this.#enqueue(Buffer.from(`${line}\n`, 'latin1'));
    }
    if (this.#gatheredBytes >= BATCH || line.length >= LONG) {
      if (this.#failure) this.#gather();
      else void this.#run();
    } else if (this.#running === undefined && !this.#isExpected) {
      this.#runSoon();
    }
  }

  /**
   * The lines that follow go into another file, which `next` makes when all before it is durable in this one. It is
   * called again when it has failed.
   */
  cut(next: () => Promise<LogFile>): void {
    this.#gather();
    this.#queue.push({ bytes: Buffer.alloc(0), tip: this.#lastTip, cut: next });
    if (!this.#failure) void this.#run();
  }

  /** Resolves when all that was taken so far is in the file, or cannot be written now. */
  async flush(): Promise<void> {
    if (!this.#failure) await this.#run();
  }

  /** As `flush`, and durable. */
  async sync(): Promise<void> {
    await this.#running;
    this.#lastSync = 0;
    await this.flush();
  }

  /** Writes and makes durable what is left, in one last attempt. Returns the number of lines that stay unwritten. */
  async close(): Promise<number> {
    await this.#running;
    this.#lastSync = 0;
    await this.#run();
    this.#stopClock();
    return this.#queue.reduce((lines, { bytes }) => lines + countLines(bytes), 0);
  }

  /**
   * One last attempt, then gives up what is still unwritten, so that the file can go on behind its last line. Returns
   * the number of lines that were given up; 0, and nothing is, where the file ends within a line and cannot be cut.
   */
  async abandon(): Promise<number> {
    const lines = await this.close();
    if (lines === 0 || this.#isTorn) return 0;
    this.#queue = [];
    this.#queueBytes = 0;
    this.#failure = undefined;
    return lines;
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /** Why writing fails at present. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  #run(): Promise<void> {
    this.#gather();
    this.#stopClock();
    this.#running ??= this.#work();
    return this.#running;
  }

  /** Empties the queue. What is gathered while this runs is written too, up to its very end. */
  async #work(): Promise<void> {
    // So that `#running` is set before this can end.
    await undefined;
    try {
      do {
        while (this.#queue.length > 0) {
          const cut = this.#queue[0]?.cut;
          if (cut) await this.#change(cut);
          else await this.#writeFirst();
          if (this.#syncIsDue()) await this.#sync();
        }
        if (this.#syncIsDue()) await this.#sync();
      } while (this.#queue.length > 0);
      if (this.#failure) queueMicrotask(() => this.onRecovered());
      this.#failure = undefined;
    } catch (cause) {
      const error = cause as Error;
      // In a task of its own: what the callback throws must not stop this one.
      if (!this.#failure) queueMicrotask(() => this.onFailure(error));
      this.#failure = error;
    }
    // In the same step as the last look at the queue: what comes after it begins a new run.
    this.#running = undefined;
    this.#lastRun = performance.now();
    this.#wait();
  }

  /** Sets the clock for what is left to do. */
  #wait(): void {
    const untilSync = this.#lastSync + this.#syncMs - Date.now();
    this.#isExpected = this.#failure !== undefined || this.#gatheredBytes > 0;
    if (this.#failure) this.#runIn(RETRY_MS);
    else if (this.#gatheredBytes > 0) this.#runIn(GATHER_MS);
    else if (this.#unsynced.length > 0) this.#runIn(untilSync);
  }

  /** For lines that have just come, and others that come with them. */
  #runSoon(): void {
    this.#stopClock();
    this.#isExpected = true;
    const wait = this.#lastRun + GATHER_MS - performance.now();
    if (wait > 0) this.#runIn(wait);
    else this.#immediate = setImmediate(() => this.#run());
  }

  #runIn(delay: number): void {
    this.#timer = setTimeout(() => this.#run(), Math.max(delay, 0));
  }

  #stopClock(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }

  #gather(): void {
    if (this.#gatheredBytes === 0) return;
    const bytes = Buffer.from(this.#gathered.subarray(0, this.#gatheredBytes));
    this.#gatheredBytes = 0;
    this.#enqueue(bytes);
  }

  #enqueue(bytes: Buffer): void {
    this.#queue.push({ bytes, tip: this.#lastTip });
    this.#queueBytes += bytes.length;
  }

  async #change(next: () => Promise<LogFile>): Promise<void> {
    if (this.#size > this.#syncedSize) await this.#sync();
    this.#file = await next();
    this.#size = 0;
    this.#syncedSize = 0;
    this.#queue.shift();
  }

  async #writeFirst(): Promise<void> {
    const { bytes, tip } = this.#queue[0] as Chunk;
    let done = 0;
    try {
      while (done < bytes.length) {
        const { bytesWritten } = await this.#file.write(bytes, done);
        if (bytesWritten === 0) throw new Error('write accepted no bytes');
        done += bytesWritten;
        this.#size += bytesWritten;
      }
      this.#queue.shift();
      this.#isTorn = false;
    } catch (error) {
      const whole = done > 0 ? bytes.lastIndexOf(LF, done - 1) + 1 : 0;
      if (whole < done && (await this.#cut(this.#size - (done - whole)))) done = whole;
      if (done > 0) this.#isTorn = whole < done;
      this.#queue[0] = { bytes: bytes.subarray(done), tip };
      throw error;
    } finally {
      this.#queueBytes -= done;
      // A part of a chunk ends at no line that its tip speaks of.
      if (done > 0)
        this.#unsynced.push({ bytes: bytes.subarray(0, done), tip: done === bytes.length ? tip : undefined });
    }
  }

  #syncIsDue(): boolean {
    const waiting = this.#size - this.#syncedSize;
    if (waiting === 0) return false;
    return this.#failure !== undefined || waiting > MAX_UNSYNCED || Date.now() - this.#lastSync >= this.#syncMs;
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (error) {
      // The kernel has marked the pages clean all the same; only writing them again can still make them durable.
      if (await this.#cut(this.#syncedSize)) {
        this.#queue.unshift(...this.#unsynced);
        this.#queueBytes += this.#unsynced.reduce((sum, { bytes }) => sum + bytes.length, 0);
        this.#unsynced = [];
      }
      throw error;
    }
    const tip = this.#unsynced.at(-1)?.tip;
    this.#unsynced = [];
    this.#syncedSize = this.#size;
    this.#lastSync = Date.now();
    if (tip) await this.onDurable(tip, this.#size);
  }

  /** Shortens the file to `size`; false where that is impossible, or somebody else has changed the file's length. */
  async #cut(size: number): Promise<boolean> {
    try {
      if ((await this.#file.stat()).size !== this.#size) return false;
      await this.#file.truncate(size);
    } catch {
      return false;
    }
    this.#size = size;
    return true;
  }
}
