import { randomBytes } from 'node:crypto';
import { linkSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { usageError } from '../errors.js';
import { Locked, takeLock } from '../lock.js';

const LOCKED_MS = 10;

type Liveliness = 'live' | 'dead' | 'gone';

/** Whether somebody listens on a socket: live, a name that nobody listens on any more, or no such name. */
function liveliness(path: string): Promise<Liveliness> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('live');
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ENOENT') resolve('gone');
      // A full backlog (EAGAIN) or a missing permission (EACCES) still has somebody behind it.
      else resolve(code === 'ECONNREFUSED' || code === 'ENOTSOCK' ? 'dead' : 'live');
    });
  });
}

const isLive = async (path: string): Promise<boolean> => (await liveliness(path)) === 'live';

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The socket's name is made within this call, already with its final mode: nobody can be quicker than a chmod.
    const mask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

const hasCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/**
 * Removes a socket that nobody listens on. One at a time: between the look and the removal another engine could have
 * put its live one there, were it not that only whoever has the lock makes room.
 */
async function removeStale(path: string): Promise<void> {
  let release: () => Promise<void>;
  try {
    release = await takeLock(path);
  } catch (error) {
    if (!(error instanceof Locked)) throw error;
    // Somebody else is at it: look again, at what they have left.
    await sleep(LOCKED_MS);
    return;
  }
  try {
    if ((await liveliness(path)) === 'dead') forget(path);
  } finally {
    await release();
  }
}

function forget(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // Closing the server, or somebody who tidies up /run, was quicker.
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/**
 * Binds a server to a path that at most one engine can have. A socket whose engine has died is replaced.
 *
 * The server listens under a name of its own first; the public name is then made by link(2), which fails where there is
 * one already.
 * @returns a function that gives the path back.
 * @throws AgentgovError exit 2 when a live engine has it.
 */
export async function claimSocket(server: Server, path: string, agentId: string): Promise<() => void> {
  const own = path.replace(/[^/]*$/, `.${process.pid}.${randomBytes(4).toString('hex')}`);
  await listen(server, own);
  try {
    for (;;) {
      if (linked(own, path)) break;
      if (await isLive(path)) {
        throw usageError(
          `The agent "${agentId}" is already governed (${path} answers); give this one another --agent-id, or end that one with: agentgov stop ${agentId}.`,
        );
      }
      await removeStale(path);
    }
  } catch (error) {
    server.close();
    throw error;
  } finally {
    forget(own);
  }
  return () => forget(path);
}
