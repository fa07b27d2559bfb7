import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
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
function reopen(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // Another user's pipe (after su), or one without readers: the stream will find out.
    return undefined;
  }
}

/** A terminal: writes without ever blocking the process, as Ctrl-S would make it. */
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

/**
 * Pipes, sockets and files: Node's own stream does not block on the first two and cannot be held up by the third. (A
 * socket cannot be opened anew: a command that shares it as its stdout sees it non-blocking, as under any Node program.)
 */
class StreamSink implements Sink {
  #failed: Error | undefined;

  constructor(
    private readonly stream: NodeJS.WritableStream,
    private readonly end: () => void = () => {},
  ) {
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

  close(): void {
    this.end();
  }
}

/** Standard output, whatever it is. */
export function openStdout(): Sink {
  const stats = fstatSync(1);
  const fd = stats.isFIFO() || stats.isCharacterDevice() ? reopen(1) : undefined;
  if (fd === undefined) return new StreamSink(process.stdout);
  if (stats.isCharacterDevice()) return new PatientSink(fd);
  const pipe = new Socket({ fd, readable: false, writable: true });
  return new StreamSink(pipe, () => pipe.destroy());
}
