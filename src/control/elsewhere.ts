import { connect, type Socket } from 'node:net';
import type { Peer } from '../bpf/index.js';
import { NoEngine, openControl } from './client.js';
import { listSockets } from './paths.js';

const PATIENCE_MS = 3_000;

/** What all membership tables in the kernel say of one process. */
export interface Tables {
  /** One of them has it. */
  member: boolean;
  /** How many agents they are of: one for each loader that runs. */
  tables: number;
}

/** Whom to ask beside the engines themselves. */
export interface Witness {
  tables(pid: number): Promise<Tables>;
  /** Who is at the other end of a connection. */
  whoIs(socket: Socket): Promise<Peer | undefined>;
}

/**
 * Whether another engine in this folder governs a process.
 *
 * To take the silence of an engine for "no" would let an agent that can stop its own engine control the others'. So a
 * silent engine is passed over and the kernel is asked, whose table its loader holds. All tables must be there: a silent
 * engine whose table has gone has lost its tree, and nobody knows any more who was in it.
 * @throws Error whose sentence says which engine is in the way, and what to do.
 */
export async function governedElsewhere(
  pid: number,
  folder: string,
  ownPath: string,
  kernel: Witness,
): Promise<boolean> {
  const others = listSockets(folder).filter(({ path }) => path !== ownPath);
  const answers = await Promise.all(others.map(async ({ path }) => ({ path, said: await ask(path, pid) })));
  if (answers.some(({ said }) => said === true)) return true;
  const silent = answers.find(({ said }) => said instanceof Error);
  if (silent === undefined) return false;
  const live = 1 + answers.filter(({ said }) => said !== 'gone').length;
  const why = await kernel.tables(pid).then(
    ({ member, tables }) => (tables < live ? `the kernel has ${tables} tables of members for ${live} engines` : member),
    (error: Error) => error.message.replace(/\.$/, ''),
  );
  if (typeof why === 'boolean') return why;
  const engine = await listener(silent.path, kernel);
  throw new Error(
    `${(silent.said as Error).message.replace(/\.$/, '')}, and ${why}; end that engine (kill -9 ${engine ?? 'its process'}) and try again.`,
  );
}

/** `gone`: nobody listens there any more. An Error: it lives, and that is all that is known. */
async function ask(path: string, pid: number): Promise<boolean | 'gone' | Error> {
  try {
    const engine = await openControl(path, PATIENCE_MS);
    try {
      return (await engine.request('member', { pid }, PATIENCE_MS)).member === true;
    } finally {
      engine.close();
    }
  } catch (error) {
    return error instanceof NoEngine ? 'gone' : (error as Error);
  }
}

/** The process that listens on a socket: the kernel accepts for it, whether it answers or not. */
async function listener(path: string, kernel: Witness): Promise<number | undefined> {
  const socket = connect(path);
  socket.on('error', () => {});
  try {
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return (await kernel.whoIs(socket))?.pid;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
