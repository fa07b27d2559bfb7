// Where copies of checkpoints are kept.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { asciiJson } from '../ascii-json.js';
import { usageError } from '../errors.js';
import { parseStreamAddress, type StreamAddress } from './address.js';
import { Connection } from './connection.js';
import { syslogFrame } from './syslog.js';

export interface Place {
  /** What to call it; without any password. */
  readonly name: string;
  /** Resolves when the note is there. It may be told the same one again. */
  deliver(note: string): Promise<void>;
  close(): void;
}

/**
 * `source`: the file of all checkpoints, which the notes are in before they are delivered.
 *
 * @throws AgentgovError (usage) for what is no place.
 */
export function placeAt(where: string, source: string): Place {
  if (/^https?:\/\//i.test(where)) return new HttpPlace(where);
  if (/^(?:tcp|tls|unix):/.test(where)) return new SyslogPlace(parseStreamAddress('--checkpoint-push', where));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(where))
    throw usageError(
      `--checkpoint-push takes a file, http(s)://…, or syslog at tcp://, tls:// or unix://, not ${JSON.stringify(where)}`,
    );
  return new FilePlace(where, source);
}

/** How long one attempt may take. */
const PATIENCE_MS = 10_000;
const STEP = 2 ** 16;

/**
 * A file that is made to hold the same bytes as the file of checkpoints: nothing that an attempt missed stays missing,
 * whoever was killed in between. What is in it is never changed.
 */
class FilePlace implements Place {
  /** Bytes that are the same in both. */
  #same = 0;

  constructor(
    readonly name: string,
    private readonly source: string,
  ) {}

  async deliver(): Promise<void> {
    const from = await open(this.source, 'r');
    try {
      const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
      const to = await open(this.name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
      try {
        await this.#compare(from, to);
        await this.#append(from, to);
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
  }

  async #compare(from: FileHandle, to: FileHandle): Promise<void> {
    for (;;) {
      const copy = await readAt(to, this.#same);
      if (copy.length === 0) return;
      const own = await readAt(from, this.#same, copy.length);
      if (!own.equals(copy)) throw new Error('it holds something else than these checkpoints');
      this.#same += copy.length;
    }
  }

  async #append(from: FileHandle, to: FileHandle): Promise<void> {
    for (;;) {
      const bytes = await readAt(from, this.#same);
      if (bytes.length === 0) break;
      const { bytesWritten } = await to.write(bytes);
      this.#same += bytesWritten;
      if (bytesWritten < bytes.length) throw new Error('it took only a part');
    }
    await to.datasync();
  }

  close(): void {}
}

async function readAt(file: FileHandle, position: number, length = STEP): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** One POST a note. */
class HttpPlace implements Place {
  readonly name: string;
  readonly #url: URL;
  readonly #headers: Record<string, string> = { 'content-type': 'text/plain; charset=utf-8' };
  readonly #end = new AbortController();

  constructor(where: string) {
    if (!URL.canParse(where)) throw usageError(`--checkpoint-push ${JSON.stringify(where)} is no URL`);
    this.#url = new URL(where);
    const { username, password } = this.#url;
    if (username !== '') {
      const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
      this.#headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    this.#url.username = '';
    this.#url.password = '';
    this.name = `${this.#url.origin}${this.#url.pathname}`;
  }

  async deliver(note: string): Promise<void> {
    const response = await fetch(this.#url, {
      method: 'POST',
      body: note,
      headers: this.#headers,
      // A redirect would take the note to where nobody has asked for it.
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), this.#end.signal]),
    }).catch((error: Error & { cause?: { message?: string } }) => {
      throw new Error(error.cause?.message ?? error.message);
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
  }

  close(): void {
    this.#end.abort();
  }
}

/** One message a note, which stands in it as a JSON text. */
class SyslogPlace implements Place {
  readonly name: string;
  #connection: Connection | undefined;

  constructor(private readonly address: StreamAddress) {
    this.name = address.url;
  }

  async deliver(note: string): Promise<void> {
    const [origin = '', size = ''] = note.split('\n');
    const frame = syslogFrame({
      severity: 'notice',
      time: Date.now(),
      pid: process.pid,
      id: 'checkpoint',
      sequence: Math.max(Number(size), 1),
      text: asciiJson({ origin, size: Number(size), note }),
    });
    try {
      this.#connection ??= await Connection.open(this.address);
      await this.#connection.write(frame);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#connection?.end();
    this.#connection = undefined;
  }
}
