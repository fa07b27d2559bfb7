// Small steps with files that several parts of the room take.
import { open } from 'node:fs/promises';

/** Makes names durable that were made, changed or removed in a folder. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The `code` of a system error; undefined for errors of other kinds. */
export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
