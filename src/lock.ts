// One holder a file (the writer of a log, whoever clears a control socket away), however the last one ended.
//
// The lock is a symbolic link FILE.lock whose target text names its holder: pid, start time of that process, boot, PID
// namespace. symlink(2) makes the name and the text in one step and fails where the name exists, so no reader ever sees
// half a lock, and a crash between "create" and "write" cannot leave an empty one.
//
// A lock whose holder no longer lives is stale. A pid alone would not do (it is used again); with the start time and
// the boot it names one process for ever. There is no file lock in Node that the kernel would drop by itself.
//
// Taking a stale lock over is the hard part: two writers may find the same one, and the slower must not remove what
// the faster has put in its place. So the right to replace one particular stale lock is itself a lock, under a name
// made from that lock's text. Whoever holds it looks once more; only where the stale text still stands may it be
// replaced, and nobody else may replace it then, because they would need the same claim. The replacement is a
// rename(2): at no moment is there no lock. A claim whose holder crashed is taken over in the same way.
//
// Limits: machines that share a network file system do not see each other's processes; a process of another PID
// namespace cannot be looked up and keeps the lock, with a message that names it.
import { hash, randomBytes } from 'node:crypto';
import { readFile, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { AgentgovError, EXIT, usageError } from './errors.js';

export const lockPath = (file: string): string => `${file}.lock`;

/** Somebody who lives has the lock. */
export class Locked extends AgentgovError {
  constructor(file: string, pid: number) {
    super(`${file} is being written by process ${pid}: stop that one first, or give another --output-file`, EXIT.usage);
  }
}

/** The holder of a file's lock; undefined when it has none, or none that is seen to live. */
export async function lockHolder(file: string): Promise<Holder | undefined> {
  const text = await readLock(lockPath(file));
  if (text === undefined) return undefined;
  const holder = parseHolder(text);
  return holder && (await stateOf(holder)) === 'alive' ? holder : undefined;
}

export interface Holder {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  readonly start: string;
  readonly boot: string;
  /** Inode of the PID namespace in which `pid` counts. */
  readonly pidns: string;
}

/**
 * Takes the lock of a file for this process; the function that is returned gives it back.
 *
 * @throws Locked when another one has it, AgentgovError (usage) when it cannot be known whether its holder lives.
 */
export async function takeLock(file: string): Promise<() => Promise<void>> {
  const own = `${formatHolder(await ownIdentity())} nonce=${randomBytes(8).toString('hex')}`;
  await take(file, lockPath(file), own);
  return async () => {
    if ((await readLock(lockPath(file))) === own) await unlink(lockPath(file));
  };
}

async function take(file: string, path: string, own: string): Promise<void> {
  for (;;) {
    if (await create(path, own)) return;
    const text = await readLock(path);
    // Given back in this moment.
    if (text === undefined) continue;
    await refuseIfAlive(file, path, text);
    const claim = `${path}.${hash('sha256', text).slice(0, 16)}`;
    await take(file, claim, own);
    try {
      if ((await readLock(path)) === text) {
        const fresh = `${path}.${hash('sha256', own).slice(0, 16)}`;
        await symlink(own, fresh);
        await rename(fresh, path);
        return;
      }
    } finally {
      await unlink(claim);
    }
  }
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    await symlink(text, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The text of a lock; undefined where there is none. What is no symbolic link is no lock, but it stands in the way. */
async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EINVAL') return '';
    throw error;
  }
}

async function refuseIfAlive(file: string, path: string, text: string): Promise<void> {
  const holder = parseHolder(text);
  if (holder === undefined) {
    throw usageError(`${path} is not a lock of agentgov: move it away`);
  }
  const state = await stateOf(holder);
  if (state === 'dead') return;
  if (state === 'alive') throw new Locked(file, holder.pid);
  throw usageError(
    `${file} is locked by process ${holder.pid} of another PID namespace, which cannot be seen from here: ` +
      `if that one has ended, remove ${path}`,
  );
}

async function stateOf({ pid, start, boot, pidns }: Holder): Promise<'alive' | 'dead' | 'unseen'> {
  const own = await ownIdentity();
  if (boot !== own.boot) return 'dead';
  if (pidns !== own.pidns) return 'unseen';
  return (await startOf(String(pid))) === start ? 'alive' : 'dead';
}

async function ownIdentity(): Promise<Holder> {
  const [start, boot, namespace] = await Promise.all([
    startOf('self'),
    readFile('/proc/sys/kernel/random/boot_id', 'ascii'),
    readlink('/proc/self/ns/pid'),
  ]);
  return { pid: process.pid, start: start ?? '', boot: boot.trim(), pidns: namespace.replace(/\D/g, '') };
}

/** When a process was started; undefined when it is gone, or a zombie, which holds nothing any more. */
async function startOf(pid: string): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold anything, parentheses too; what follows the last one is numbers.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

const formatHolder = ({ pid, start, boot, pidns }: Holder): string =>
  `pid=${pid} start=${start} boot=${boot} pidns=${pidns}`;

function parseHolder(text: string): Holder | undefined {
  const match = /^pid=(\d{1,10}) start=(\d{1,20}) boot=([0-9a-f-]{36}) pidns=(\d{1,20})(?: |$)/.exec(text);
  if (!match) return undefined;
  const [, pid = '', start = '', boot = '', pidns = ''] = match;
  return { pid: Number(pid), start, boot, pidns };
}
