// Small steps with files that several parts of the room take.
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

/**
 * A file that is only ever appended to, made for its owner alone where it is not there. No symbolic link: whoever may
 * write in the folder could otherwise have root append to a file of their choice.
 */
export function openToAppend(path: string): Promise<FileHandle> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  return open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
}

/** Writes a file anew, not durably. No link is followed, for the same reason, and no pipe is waited for. */
export async function overwrite(path: string, text: string): Promise<void> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

/**
 * What a file holds that lies beside a log. Whoever may write there could lay a pipe in its place, of which nobody would
 * ever see the end, or a link to a device.
 *
 * @throws system errors as they are, EFTYPE for what is no plain file, EFBIG for one of more than `most` bytes.
 */
export async function readBeside(path: string, most: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw notPlain();
    if (found.size > most) throw Object.assign(new Error(`it has more than ${most} bytes`), { code: 'EFBIG' });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** What the BSDs say where the kind of a file is wrong; Linux has no word for it. */
export const notPlain = (): Error => Object.assign(new Error('it is no plain file'), { code: 'EFTYPE' });

/** Whether a name that nobody gave, but that stood in a folder, may be opened: a pipe or a device would hold us up. */
export const isReadable = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile() || found.isDirectory(),
    // Whoever reads it says what is wrong.
    () => true,
  );

/** The `code` of a system error; undefined for errors of other kinds. */
export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
