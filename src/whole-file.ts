import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncFolder } from './folders.js';

/**
 * Replaces a file in one step, durably and for its owner alone: whoever reads it meanwhile, or after a crash, finds the old
 * one or the new one. The draft's name is new and not to be guessed: whoever may write in the folder could otherwise lay a
 * link there, and have root write to a file of their choice.
 *
 * @throws system errors as they are; the draft is gone then.
 */
export async function replaceFile(path: string, content: string | readonly Buffer[]): Promise<void> {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    try {
      for (const piece of typeof content === 'string' ? [content] : content) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(resolve(path)));
}
