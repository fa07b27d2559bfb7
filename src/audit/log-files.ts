// Which files are one log, and in which order.
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { usageError } from '../errors.js';
import { type Digest, type Digests, logOf, plainName } from './digests.js';
import { codeOf, isReadable } from './files.js';
import { openSource } from './source.js';

/** The files of one log; `log` is the name that its writer knows it by. */
export interface LogFiles {
  readonly log: string;
  readonly files: readonly string[];
  /** They should be all files of the log: those of a folder, or of the log by its own name. */
  readonly isComplete?: boolean;
}

/** What to call a log: its only file, or the name that its files share. */
export const logName = ({ log, files }: LogFiles): string => (files.length === 1 ? (files[0] ?? log) : log);

const LOG_FILE = /\.jsonl(?:\.gz|\.zst)?$/;
/** What a writer keeps beside a log, and a log that was removed leaves behind. */
const BESIDE_LOG = /^(.+\.jsonl)\.(?:tip|digests)$/;

/**
 * The logs that these paths are. A folder stands for the logs in it, also for one of which no file is there any more.
 * Several files of one log, by their names, are judged as one.
 *
 * @throws AgentgovError (usage) when a folder cannot be read or holds no log.
 */
export async function findLogs(paths: readonly string[]): Promise<LogFiles[]> {
  const logs = new Map<string, { log: string; files: string[]; isComplete: boolean }>();
  for (const path of paths) {
    const { files, isFolder } = await expand(path);
    for (const file of files) {
      const log = logOf(file) ?? file;
      const group = logs.get(resolve(log)) ?? { log, files: [], isComplete: false };
      logs.set(resolve(log), group);
      group.isComplete ||= isFolder;
      if (!group.files.some((other) => resolve(other) === resolve(file))) group.files.push(file);
    }
  }
  return [...logs.values()];
}

/**
 * As `findLogs`, for whoever wants the events: the name by which its writer knows a log stands for all its files, not for
 * the newest alone.
 */
export async function findWholeLogs(paths: readonly string[]): Promise<LogFiles[]> {
  const logs = await findLogs(paths);
  return Promise.all(
    logs.map(async (found) => {
      const { log, files } = found;
      if (!files.some((file) => resolve(file) === resolve(log))) return found;
      const others = (await filesOf(log)).filter((file) => resolve(file) !== resolve(log));
      return { log, files: [...others, log], isComplete: true };
    }),
  );
}

async function expand(path: string): Promise<{ files: string[]; isFolder: boolean }> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    // Whoever reads it says what is wrong.
    () => false,
  );
  if (!isFolder) return { files: [path], isFolder };
  const names = await readdir(path).catch((error: unknown) => {
    throw usageError(`cannot read ${path} (${codeOf(error)}): give a folder that you may read`, error);
  });
  const there = await readable(
    path,
    names.filter((name) => LOG_FILE.test(name)),
  );
  const known = new Set(there.map((name) => logOf(name) ?? name));
  const gone = names.map((name) => BESIDE_LOG.exec(name)?.[1]).filter((log) => log !== undefined && !known.has(log));
  const files = [...there, ...new Set(gone as string[])].sort();
  if (files.length === 0) throw usageError(`cannot read ${path} (EISDIR): no audit log (*.jsonl) is in it`);
  return { files: files.map((name) => join(path, name)), isFolder };
}

/** The files of a log that are there, finished and newest, by its name. */
export async function filesOf(log: string): Promise<string[]> {
  const folder = dirname(log);
  // A folder that is not there holds none.
  const names = await readdir(folder).catch(() => []);
  const isOurs = (name: string): boolean =>
    name === basename(log) || logOf(join(folder, name)) === join(folder, basename(log));
  const ours = await readable(folder, names.filter(isOurs));
  return ours.map((name) => join(folder, name));
}

/** Those of the names in a folder that can be files of a log. */
async function readable(folder: string, names: readonly string[]): Promise<string[]> {
  const are = await Promise.all(names.map((name) => isReadable(join(folder, name))));
  return names.filter((_, index) => are[index]);
}

/** One file, and which line of the log it begins with; undefined where neither its first line nor its digest says. */
export interface Part {
  readonly path: string;
  readonly firstSeq: number | undefined;
}

/** The files of a log in the order of their lines. */
export async function inOrder(files: readonly string[], digests?: Digests): Promise<Part[]> {
  const parts = await Promise.all(
    (await withoutOldName(files)).map(async (path) => ({
      path,
      firstSeq: (await firstSeqOf(path)) ?? digests?.of(path)?.first_seq,
    })),
  );
  // An empty file is the one that was begun last.
  const rank = ({ firstSeq }: Part): number => firstSeq ?? Number.MAX_SAFE_INTEGER;
  return parts.sort((a, b) => rank(a) - rank(b) || (basename(a.path) < basename(b.path) ? -1 : 1));
}

/** A file that is being finished, or whose writer was killed then, has the log's own name beside its last one. */
async function withoutOldName(files: readonly string[]): Promise<readonly string[]> {
  const newest = files.find((path) => logOf(path) === undefined);
  const last = files
    .filter((path) => path !== newest)
    .sort()
    .at(-1);
  if (newest === undefined || last === undefined) return files;
  const [one, other] = await Promise.all([stat(newest), stat(last)]);
  return one.ino === other.ino && one.dev === other.dev ? files.filter((path) => path !== newest) : files;
}

async function firstSeqOf(path: string): Promise<number | undefined> {
  const source = await openSource(path);
  try {
    // A pipe can be read only once.
    if (source.size === undefined) return undefined;
    for await (const { bytes } of source.blocks(0)) {
      const line = bytes.toString('latin1', 0, Math.max(bytes.indexOf(0x0a), 0));
      const seq = Number(/"seq": ?([1-9][0-9]{0,15})[,} ]/.exec(line)?.[1]);
      return Number.isSafeInteger(seq) ? seq : undefined;
    }
    return undefined;
  } finally {
    await source.close();
  }
}

/** What is wrong with the choice of files, as a sentence; undefined for a whole set. */
export function faultOfSet(parts: readonly Part[], digests: Digests, isComplete = false): string | undefined {
  const names = new Map<string, string>();
  for (const { path, firstSeq } of parts) {
    const name = plainName(path);
    const twin = names.get(name);
    if (twin !== undefined) return `${basename(path)} and ${twin} are the same file of the log, there twice`;
    names.set(name, basename(path));
    const digest = digests.of(path);
    if (digest !== undefined && firstSeq !== undefined && firstSeq !== digest.first_seq) {
      return `${basename(path)} begins with line ${firstSeq} where its digest says ${digest.first_seq}: it was swapped or replaced`;
    }
  }
  // One file that was named is not asked for the others.
  if (parts.length < 2 && !isComplete) return undefined;
  const missing = digests.list.find(
    (digest) => !names.has(digest.file) && !digests.isRemoved(digest) && !isUnnamed(digest, parts, digests),
  );
  if (missing) return `${missing.file} with the lines ${missing.first_seq} to ${missing.last_seq} is missing`;
  return undefined;
}

/** True for the digest of a file that is about to get its last name, or whose writer was killed before that. */
const isUnnamed = (digest: Digest, parts: readonly Part[], { last }: Digests): boolean =>
  digest === last && parts.some(({ path, firstSeq }) => logOf(path) === undefined && firstSeq === digest.first_seq);
