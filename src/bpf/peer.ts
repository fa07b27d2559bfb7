import type { Socket } from 'node:net';
import { loadExeca } from '../execa.js';

/** Who connected, as the kernel noted it at connect(2). */
export interface Peer {
  /** In agentgov's own pid namespace. */
  pid: number;
  uid: number;
  gid: number;
}

const NUMBERS = /^(\d+) (\d+) (\d+)\n?$/;

/**
 * Asks who is at the other end of a unix socket.
 *
 * Node has no SO_PEERCRED. The loader does: it is started once with the connection as its fd 3, prints
 * "PID UID GID" and ends; the descriptor is shared for that moment only.
 * @returns undefined when it cannot be known; the caller must then refuse.
 */
export async function socketPeer(loader: string, socket: Socket): Promise<Peer | undefined> {
  const execa = await loadExeca();
  const result = await execa(loader, ['peer', '--fd', '3'], {
    stdio: ['ignore', 'pipe', 'ignore', socket],
    reject: false,
    extendEnv: false,
    env: {},
    timeout: 5_000,
  });
  const match = NUMBERS.exec(String(result.stdout ?? ''));
  if (result.exitCode !== 0 || match === null) return undefined;
  const [pid = 0, uid = 0, gid = 0] = match.slice(1).map(Number);
  return pid > 0 ? { pid, uid, gid } : undefined;
}
