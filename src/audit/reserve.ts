// Room for the last words of a log whose disk is full: a file beside it that holds nothing but space.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rm, unlink } from 'node:fs/promises';

/** Enough for a session_end with all its notes. */
const RESERVE_BYTES = 64 * 1024;

export const reservePath = (log: string): string => `${log}.reserve`;

/**
 * Takes the room, and gives back a function that frees it. For the writer that holds the log's lock; what stands in its
 * place, a reserve that a crash left behind or a pipe that would hold us up, gives way. Where there is no room any more
 * there is no reserve: the log may still be written.
 */
export async function takeReserve(log: string): Promise<() => Promise<void>> {
  const path = reservePath(log);
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  try {
    await rm(path, { force: true });
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600);
    try {
      // Random, for a file system that compresses would keep zeros in no room at all.
      await file.writeFile(randomBytes(RESERVE_BYTES));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch {
    // Said by the log itself as soon as it is full.
  }
  return async () => {
    await unlink(path).catch(() => {});
  };
}
