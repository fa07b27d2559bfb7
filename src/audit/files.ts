// Small steps with files that several parts of the room take.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * A file that is only ever appended to, made for its owner alone where it is not there. No symbolic link: whoever may
 * write in the folder could otherwise have root append to a file of their choice.
 */
export function openToAppend(path: string): Promise<FileHandle> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  return open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
}

/** The `code` of a system error; undefined for errors of other kinds. */
export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
