// A log whose writer finishes files while it is judged: what seems wrong with it may be its files on the move.
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Digests, plainName } from './digests.js';
import { filesOf, type LogFiles } from './log-files.js';
import { isSound, type Verification } from './verdict.js';

/** A file gets its last name, and the next is begun, within this time. */
const MOVE_MS = 100;
/** Whoever finishes files faster than they can be read has no more than this. */
const TRIES = 10;

/**
 * What is wrong with a log that is being written must be wrong twice, the second time with no file finished meanwhile.
 */
export async function steadily(
  found: LogFiles,
  judge: (files: LogFiles) => Promise<Verification>,
): Promise<Verification> {
  let files = found;
  for (let tries = 1; ; tries += 1) {
    const before = await finished(files.log);
    const result = await judge(files);
    if (isSound(result) || !result.live || tries === TRIES) return result;
    const after = await finished(files.log);
    if (tries > 1 && after.length === before.length) return result;
    files = await lookAgain(files, after);
    await sleep(MOVE_MS);
  }
}

/** Their names, in order; none where the digests cannot be read, which is said elsewhere. */
const finished = (log: string): Promise<string[]> =>
  Digests.read(log).then(
    ({ list }) => list.map(({ file }) => file),
    () => [],
  );

async function lookAgain(found: LogFiles, known: readonly string[]): Promise<LogFiles> {
  const { log, files, isComplete } = found;
  if (isComplete) return { ...found, files: await filesOf(log) };
  // The newest file alone is still the one that is meant.
  if (files.length === 1) return found;
  const named = new Set(files.map(plainName));
  const since = known.slice(known.findLastIndex((name) => named.has(name)) + 1);
  return { ...found, files: [...files, ...since.map((name) => join(dirname(log), name))] };
}
