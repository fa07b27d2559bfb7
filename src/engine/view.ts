import { setTimeout as sleep } from 'node:timers/promises';
import { LogFollower } from '../audit/index.js';
import { deferred } from '../deferred.js';
import type { AgentEvent } from '../events/index.js';
import { prettyLine } from '../output/index.js';
import type { Sink } from './sink.js';

/** How a view makes output of the log's bytes. */
export interface Style {
  /** Bytes of the log that are read at once. */
  readonly chunk: number;
  /** The least time between two reads, in ms: what the style costs must not be taken from the recording. */
  readonly pace: number;
  /** Further behind than this many bytes it jumps ahead; undefined: never, for every byte counts. */
  readonly patience?: number;
  /** `bytes`: whole lines; `jumped`: lines were left out before them. */
  render(bytes: Buffer, jumped: boolean): Uint8Array;
}

/** The bytes of the log as they are. */
export const jsonl = (): Style => ({ chunk: 256 * 1024, pace: 0, render: (bytes) => bytes });

/** A line for people for each event. Nobody reads thousands of lines a second, so it may leave some to the log. */
export function pretty(look: () => { color: boolean; width?: number }): Style {
  let seq = 0;
  return {
    chunk: 64 * 1024,
    pace: 40,
    patience: 4 << 20,
    render(bytes, jumped) {
      const options = look();
      let text = '';
      for (const line of bytes.toString('latin1').split('\n')) {
        if (line === '') continue;
        const event = JSON.parse(line) as AgentEvent;
        const own = Number(event.seq);
        if (jumped && seq > 0 && own > seq + 1)
          text += `… ${own - seq - 1} events that came too fast are only in the log\n`;
        seq = own;
        text += `${prettyLine(event, options)}\n`;
      }
      return Buffer.from(text);
    },
  };
}

const POLL_MS = 100;
const LF = 0x0a;
const IDLE = 0;

/**
 * Shows a log as it grows. It reads the file instead of being handed the events, so that a slow reader of the output
 * costs the recording nothing: no queue grows, nothing is dropped, and what it shows is what is in the log.
 */
export class View {
  /** Rejects when the output can take no more. */
  readonly broken: Promise<never>;
  readonly #fail: (error: Error) => void;
  #log: LogFollower | undefined;
  /** Where it has got to, as `AuditWriter.end` counts, and where the file that it reads begins. */
  #position: number;
  #fileStart = 0;
  #expected: number;
  #wake: (() => void) | undefined;
  #finishing = false;
  readonly #abort = deferred<void>();
  #aborted = false;
  readonly #opened = deferred<void>();
  readonly #done: Promise<void>;

  /** `from`: where the session's first byte will be. `rotates`: the log may go on in another file. */
  constructor(
    path: string,
    from: number,
    private readonly style: Style,
    private readonly sink: Sink,
    private readonly rotates = false,
  ) {
    const broken = deferred<never>();
    this.broken = broken.promise;
    // Whoever looks at it may come later than it breaks.
    broken.promise.catch(() => {});
    this.#fail = broken.reject;
    this.#position = from;
    this.#expected = from;
    this.#done = this.#follow(path);
  }

  /** Resolves when it has the file in which the session begins, however soon the log goes on in another. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** There are, or soon will be, so many bytes in the log. */
  expect(end: number): void {
    this.#expected = end;
    this.#wake?.();
  }

  /** Shows what is left, as long as there is somebody to show it to. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#wake?.();
    await Promise.race([this.#done, this.#abort.promise]);
  }

  /** Shows no more. */
  abort(): void {
    this.#aborted = true;
    this.#abort.resolve();
    this.sink.close();
    // The reader may hang in a write for ever, so it is not waited for.
    void this.#log?.close();
    this.#wake?.();
  }

  async #follow(path: string): Promise<void> {
    try {
      this.#log = await LogFollower.open(path);
      this.#opened.resolve();
      const buffer = Buffer.alloc(this.style.chunk);
      while (!this.#aborted) {
        // Before the look: what is written while it goes on is for the next one.
        const isLast = this.#finishing;
        let shown = await this.#step(buffer);
        if (shown === IDLE && (await this.#isFinished())) {
          // What was written between the last look and the end of the file.
          shown = await this.#step(buffer);
          if (shown === IDLE && (await this.#goOn())) continue;
        }
        if (shown === IDLE && isLast) break;
        if (this.#finishing) continue;
        if (shown === IDLE) await this.#pause();
        else if (this.style.pace > 0) await sleep(this.style.pace);
      }
    } catch (error) {
      if (!this.#aborted) this.#fail(error as Error);
      this.#opened.resolve();
    } finally {
      if (!this.#aborted) await this.#log?.close();
      this.sink.close();
    }
  }

  /** @returns the bytes of the log that were dealt with. */
  async #step(buffer: Buffer): Promise<number> {
    const jumped = await this.#jump();
    const bytesRead = await this.#read(buffer);
    const whole = bytesRead === 0 ? 0 : buffer.lastIndexOf(LF, bytesRead - 1) + 1;
    if (whole === 0) {
      if (bytesRead < buffer.length) return IDLE;
      return this.#longLine(buffer, jumped);
    }
    await this.sink.write(this.style.render(buffer.subarray(0, whole), jumped));
    this.#position += whole;
    return whole;
  }

  /** A line that is longer than the buffer: read as a whole. */
  async #longLine(start: Buffer, jumped: boolean): Promise<number> {
    for (let size = 2 * start.length; ; size *= 2) {
      const bigger = Buffer.alloc(size);
      const bytesRead = await this.#read(bigger);
      const whole = bigger.lastIndexOf(LF, bytesRead - 1) + 1;
      if (whole > 0) {
        await this.sink.write(this.style.render(bigger.subarray(0, whole), jumped));
        this.#position += whole;
        return whole;
      }
      if (bytesRead < size) return IDLE;
    }
  }

  /** Leaves out what a patient reader would still be shown long after it happened. */
  async #jump(): Promise<boolean> {
    const { patience } = this.style;
    const { size } = patience === undefined ? { size: 0 } : await this.#follower.file.stat();
    const end = this.#fileStart + size;
    if (patience === undefined || end - this.#position <= patience) return false;
    const buffer = Buffer.alloc(this.style.chunk);
    const from = end - buffer.length;
    const bytesRead = await this.#read(buffer, from);
    const line = buffer.subarray(0, bytesRead).indexOf(LF);
    if (line === -1) return false;
    this.#position = from + line + 1;
    return true;
  }

  get #follower(): LogFollower {
    return this.#log as LogFollower;
  }

  async #read(buffer: Buffer, from = this.#position): Promise<number> {
    const { bytesRead } = await this.#follower.file.read(buffer, 0, buffer.length, from - this.#fileStart);
    return bytesRead;
  }

  #isFinished(): Promise<boolean> {
    return this.rotates ? this.#follower.isFinished() : Promise.resolve(false);
  }

  /** Goes on in the next file, where there is one. */
  async #goOn(): Promise<boolean> {
    if (!(await this.#follower.next())) return false;
    this.#fileStart = this.#position;
    return true;
  }

  /** Until more is expected; soon again where it is expected and the writer has not written it yet. */
  async #pause(): Promise<void> {
    if (this.#position < this.#expected) {
      await sleep(POLL_MS);
      return;
    }
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
    // The writer gathers lines for some ms: there is nothing to be read in this very moment.
    if (!this.#finishing) await sleep(POLL_MS);
  }
}
