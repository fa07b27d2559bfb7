import { linkSync, renameSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { usageError } from '../errors.js';

/** Whether somebody listens on a socket. A name that is gone, or that nobody listens on any more, is not live. */
export function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // A full backlog (EAGAIN) or a missing permission (EACCES) still has somebody behind it.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT' && error.code !== 'ENOTSOCK');
    });
  });
}

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
 * Takes a stale socket out of the way. Two engines may start at once, and between the look and the removal the other one
 * may have put its live socket there: so what was moved is looked at again, and goes back if it lives.
 * @returns false when it lives.
 */
async function removeStale(path: string, aside: string): Promise<boolean> {
  try {
    renameSync(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true;
    throw error;
  }
  const live = await isLive(aside);
  if (live) linked(aside, path);
  forget(aside);
  return !live;
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
  const own = path.replace(/[^/]*$/, `.${process.pid}.${Date.now().toString(36)}`);
  await listen(server, own);
  try {
    for (;;) {
      if (linked(own, path)) break;
      if ((await isLive(path)) || !(await removeStale(path, `${own}-`))) {
        throw usageError(
          `The agent "${agentId}" is already governed (${path} answers); give this one another --agent-id, or end that one with: agentgov stop ${agentId}.`,
        );
      }
    }
  } catch (error) {
    server.close();
    throw error;
  } finally {
    forget(own);
  }
  return () => forget(path);
}
