import { closeSync, constants, fstatSync, openSync, type Stats, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the output of a session goes. */
export interface Sink {
  /**
   * Resolves when all bytes have been taken. While nobody takes them nothing else is held up.
   * @throws when nobody will take them any more (EPIPE), or the write fails.
   */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

const FIRST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 32;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/**
 * Opens a pipe or terminal anew, so that it can be made non-blocking for us alone: the flag belongs to the open file,
 * and that one is shared with whoever started us.
 */
function reopen(fd: number, stats: Stats): number | undefined {
  if (!stats.isFIFO() && !stats.isCharacterDevice()) return undefined;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // Another user's pipe (after su), or one without readers: the stream will find out.
    return undefined;
  }
}

/** Writes without ever blocking the process, as a terminal at Ctrl-S or a reader that stands still would make it. */
class PatientSink implements Sink {
  #closed = false;

  constructor(private readonly fd: number) {}

  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    for (let wait = FIRST_WAIT_MS; rest.length > 0 && !this.#closed; ) {
      try {
        rest = rest.subarray(writeSync(this.fd, rest));
        wait = FIRST_WAIT_MS;
      } catch (error) {
        if (codeOf(error) === 'EINTR') continue;
        if (codeOf(error) !== 'EAGAIN') throw error;
        await sleep(wait);
        wait = Math.min(2 * wait, LONGEST_WAIT_MS);
      }
    }
  }

  close(): void {
    if (!this.#closed) closeSync(this.fd);
    this.#closed = true;
  }
}

/** Sockets and files: Node's own stream does not block on the first and cannot be held up by the second. */
class StreamSink implements Sink {
  #failed: Error | undefined;

  constructor(private readonly stream: NodeJS.WritableStream) {
    stream.on('error', (error: Error) => {
      this.#failed = error;
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) reject(this.#failed);
      else this.stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): void {}
}

/** Standard output, whatever it is. */
export function openStdout(): Sink {
  const fd = reopen(1, fstatSync(1));
  return fd === undefined ? new StreamSink(process.stdout) : new PatientSink(fd);
}
