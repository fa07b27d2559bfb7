// What a log must not be like for a writer to go on with it, and what to tell the user then.
import { AgentgovError, usageError } from '../errors.js';
import type { Tip } from './chain.js';
import { BrokenDigests, Digests } from './digests.js';
import { BrokenTip, readTip, type TipRecord, tipPath } from './tip-file.js';

/** The digests of a log that a writer may go on with. @throws AgentgovError (usage) when they do not verify */
export async function knownDigests(path: string): Promise<Digests> {
  try {
    return await Digests.read(path);
  } catch (error) {
    if (!(error instanceof BrokenDigests)) throw error;
    throw usageError(`${error.message}, so nothing is added to the log: move all its files away`, error);
  }
}

/** What the tip file says. @throws AgentgovError (usage) when it is damaged */
export async function knownTip(path: string): Promise<TipRecord | undefined> {
  try {
    return await readTip(path);
  } catch (error) {
    if (!(error instanceof BrokenTip)) throw error;
    throw usageError(`${error.message}, so nothing is added to the log: ${moveBoth(path)}`, error);
  }
}

/**
 * `hash`: what the log has where the tip file's last line should be.
 *
 * @throws AgentgovError (usage) when the log is not the one that the tip file knows.
 */
export function refuseIfChanged(path: string, tip: Tip, hash: string | undefined, known: TipRecord): void {
  const wrong =
    tip.count < known.count
      ? `has ${tip.count} events where its tip file knows ${known.count}`
      : known.count > 0 && hash !== known.hash
        ? `has another event ${known.count} than its tip file knows`
        : known.closed && tip.count > known.count
          ? `has events that were added after its writer had closed it`
          : undefined;
  if (wrong) throw usageError(`${path} ${wrong}, so nothing is added to it: ${moveBoth(path)}`);
}

const moveBoth = (path: string): string =>
  `look at it with agentgov verify, then move it and ${tipPath(path)} away, or give another --output-file`;

const ADVICE = new Map([
  ['ENOENT', 'its folder does not exist: make it first, or'],
  ['ENOTDIR', 'a part of its path is not a folder'],
  ['EISDIR', 'it is a folder'],
  ['ELOOP', 'it is a symbolic link: give the path that it leads to, or'],
  ['ENAMETOOLONG', 'the path is too long'],
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['ENOSPC', 'no space is left there'],
]);

/** Says of a system error what to do about it. */
export function openError(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof AgentgovError || code === undefined) return error;
  const advice = ADVICE.get(code) ?? `it cannot be opened (${code})`;
  const otherwise = advice.endsWith(', or') ? advice : `${advice}:`;
  return usageError(`cannot write the log ${path}: ${otherwise} give another --output-file`, error);
}
