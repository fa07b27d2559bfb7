import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { asciiJson } from '../ascii-json.js';
import type { AgentEvent } from '../events/index.js';
import { type Asked, askedOf, type Denial } from './denial.js';

/** The file never has more bytes than this; beyond it, it is written anew with the newest half. */
const MAX_BYTES = 256 * 1024;
/** Different denials that one write may have; what comes beyond them is only counted. */
const MAX_PENDING = 64;
/** Denials are gathered for so long. The agent's hook takes longer to start. */
const GATHER_MS = 20;

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND } = constants;

function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

export interface FeedbackOptions {
  path: string;
  /** The agent's group: it reads, and nobody but the owner (the engine's user) writes. */
  gid: number;
  /** Called once where the file cannot be written (any more): a sentence. What is denied does not depend on it. */
  onProblem: (text: string) => void;
}

/**
 * The feedback file of a session. Whoever makes one owns the agent's name by its control socket, and thus this path too.
 * Writes are synchronous: they are few, and the folder is that of the control sockets, in memory on every usual system.
 */
export class FeedbackFile {
  readonly #options: FeedbackOptions;
  readonly #pending = new Map<string, { asked: Asked; timestamp: string; count: number }>();
  /** What the file holds. */
  #lines: string[] = [];
  #bytes = 0;
  #fd: number | undefined;
  #n = 0;
  #omitted = 0;
  #timer: NodeJS.Timeout | undefined;
  #failed = false;

  constructor(options: FeedbackOptions) {
    this.#options = options;
  }

  /** Makes it, empty, in place of what an engine has left that was killed. */
  open(): void {
    try {
      this.#replace();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Takes a denial into it, soon. `event`: as the log has it. */
  denied(event: AgentEvent, guidance: string | undefined): void {
    if (this.#fd === undefined) return;
    const asked = askedOf(event, guidance);
    const key = JSON.stringify(asked);
    const known = this.#pending.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#pending.size < MAX_PENDING)
      this.#pending.set(key, { asked, timestamp: String(event.timestamp), count: 1 });
    else this.#omitted += 1;
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS).unref();
  }

  /** Removes it: there is no session any more that denies anything. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    try {
      unlinkSync(this.#options.path);
    } catch (error) {
      // Somebody who tidies up /run was quicker.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#fail(error as Error);
    }
  }

  #flush(): void {
    this.#timer = undefined;
    const added = [...this.#pending.values()].map(({ asked, timestamp, count }, at) => {
      this.#n += 1;
      const denial: Denial = { n: this.#n, timestamp, ...asked, count };
      if (at === 0 && this.#omitted > 0) denial.omitted = this.#omitted;
      return `${asciiJson(denial)}\n`;
    });
    this.#pending.clear();
    this.#omitted = 0;
    const text = added.join('');
    this.#lines.push(...added);
    this.#bytes += text.length;
    try {
      if (this.#bytes > MAX_BYTES) {
        while (this.#bytes > MAX_BYTES / 2) this.#bytes -= (this.#lines.shift() as string).length;
        this.#replace();
      } else writeAll(this.#fd as number, Buffer.from(text));
    } catch (error) {
      this.#omitted = added.length;
      this.#empty();
      this.#fail(error as Error);
    }
  }

  /**
   * A new file under the name, in one step, whatever was there: a reader has the old one or the new one, and a link is
   * replaced and not followed.
   */
  #replace(): void {
    const { path, gid } = this.#options;
    const draft = join(dirname(path), `.${basename(path)}`);
    rmSync(draft, { force: true });
    const fd = openSync(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND, 0o600);
    try {
      fchownSync(fd, process.geteuid?.() ?? 0, gid);
      fchmodSync(fd, 0o640);
      writeAll(fd, Buffer.from(this.#lines.join('')));
      renameSync(draft, path);
    } catch (error) {
      closeSync(fd);
      rmSync(draft, { force: true });
      throw error;
    }
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = fd;
  }

  /** After a failed write: half a line at the end would spoil the next one. */
  #empty(): void {
    this.#lines = [];
    this.#bytes = 0;
    try {
      ftruncateSync(this.#fd as number);
    } catch {
      // It stays as it is then: readers pass over half a line.
    }
  }

  /** Feedback is a help and no evidence, since the log has each denial: what cannot be written is said, and ends nothing. */
  #fail({ message }: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onProblem(`The agent cannot be told why it is denied something: ${message}.`);
  }
}
