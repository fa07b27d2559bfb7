// Stays with a log whose writer may begin a new file at any time.
import { constants } from 'node:fs';
import { access, type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Digests, finishedPath } from './digests.js';
import { codeOf } from './files.js';

/** The file of a log that is being written, and the next one when that is finished. */
export class LogFollower {
  private constructor(
    /** The log's own name, which its newest file has. */
    readonly log: string,
    private current: FileHandle,
    /** Which of the log's files the open one is, from 1. */
    private number: number,
  ) {}

  /** Opens the newest file. @throws the system's error when it cannot be read */
  static async open(log: string): Promise<LogFollower> {
    for (;;) {
      const before = await finishedFiles(log);
      const file = await open(log, 'r');
      // Otherwise it was finished in between, and nobody knows which one is open.
      if ((await finishedFiles(log)) === before) return new LogFollower(log, file, before + 1);
      await file.close();
    }
  }

  get file(): FileHandle {
    return this.current;
  }

  /** True when nothing more will be written to the open file. What was written before that may still be unread. */
  async isFinished(): Promise<boolean> {
    const [named, own] = await Promise.all([stat(this.log).catch(() => undefined), this.current.stat()]);
    return named === undefined || named.ino !== own.ino || named.dev !== own.dev;
  }

  /** Goes on in the next file, which begins where this one ends; false while there is none yet. */
  async next(): Promise<boolean> {
    const finished = finishedPath(this.log, this.number + 1);
    const file = (await openIfThere(finished)) ?? (await openIfThere(this.log));
    if (file === undefined) return false;
    // It may have been finished just before it was opened under the log's own name.
    const [named, own] = await Promise.all([stat(finished).catch(() => undefined), file.stat()]);
    if (named !== undefined && named.ino !== own.ino) {
      await file.close();
      return false;
    }
    await this.current.close();
    this.current = file;
    this.number += 1;
    return true;
  }

  close(): Promise<void> {
    return this.current.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** How many files of a log have been finished and renamed. The last digest may be of one that is about to be. */
async function finishedFiles(log: string): Promise<number> {
  const { list, last } = await Digests.read(log);
  if (last === undefined) return 0;
  const names = ['', '.gz', '.zst'].map((packed) => join(dirname(log), `${basename(last.file)}${packed}`));
  const found = await Promise.all(
    names.map((name) =>
      access(name, constants.F_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true) ? list.length : list.length - 1;
}
