import { NoEngine, openControl } from './client.js';
import { listSockets } from './paths.js';

const PATIENCE_MS = 3_000;

/**
 * Whether another engine in this folder governs a process.
 *
 * An engine that lives but gives no answer is an error: to take silence for "no" would let an agent that can stop its own
 * engine control the others'.
 */
export async function governedElsewhere(pid: number, folder: string, ownPath: string): Promise<boolean> {
  const others = listSockets(folder).filter(({ path }) => path !== ownPath);
  const answers = await Promise.all(others.map(({ path }) => ask(path, pid)));
  return answers.includes(true);
}

async function ask(path: string, pid: number): Promise<boolean> {
  try {
    const engine = await openControl(path, PATIENCE_MS);
    try {
      return (await engine.request('member', { pid }, PATIENCE_MS)).member === true;
    } finally {
      engine.close();
    }
  } catch (error) {
    if (error instanceof NoEngine) return false;
    throw error;
  }
}
