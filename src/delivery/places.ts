// Where copies of checkpoints are kept.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { asciiJson } from '../ascii-json.js';
import { usageError } from '../errors.js';
import { parseStreamAddress } from './address.js';
import { HttpPlace } from './http-place.js';
import type { Place } from './place.js';
import { StreamPlace } from './stream-place.js';
import type { SyslogMessage } from './syslog.js';

/**
 * `source`: the file of all checkpoints, which the notes are in before they are delivered.
 *
 * @throws AgentgovError (usage) for what is no place.
 */
export function placeAt(where: string, source: string): Place {
  if (/^https?:\/\//i.test(where)) return httpPlace(where);
  if (/^(?:tcp|tls|unix):/.test(where))
    return new StreamPlace(parseStreamAddress('--checkpoint-push', where), messageOf);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(where))
    throw usageError(
      `--checkpoint-push takes a file, http(s)://…, or syslog at tcp://, tls:// or unix://, not ${JSON.stringify(where)}`,
    );
  return new FilePlace(where, source);
}

function httpPlace(where: string): Place {
  if (!URL.canParse(where)) throw usageError(`--checkpoint-push ${JSON.stringify(where)} is no URL`);
  const { origin, pathname } = new URL(where);
  return new HttpPlace(where, `${origin}${pathname}`, 'text/plain; charset=utf-8');
}

/** One message a note, which stands in it as a JSON text. */
function messageOf(note: string): SyslogMessage {
  const [origin = '', size = ''] = note.split('\n');
  return {
    severity: 'notice',
    time: Date.now(),
    pid: process.pid,
    id: 'checkpoint',
    sequence: Math.max(Number(size), 1),
    text: asciiJson({ origin, size: Number(size), note }),
  };
}

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
