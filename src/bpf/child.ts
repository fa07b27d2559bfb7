// The loader and the launcher are started without execa, of which they use nothing: reading it would cost the start of
// every session 7 ms.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { AgentgovError, EXIT } from '../errors.js';

/** How a child ended: by itself, or by a signal. */
export interface ChildEnd {
  exitCode?: number;
  signal?: NodeJS.Signals;
}

/**
 * Says why a child has no pid: it was just spawned from the file `path`, and could not be.
 * @throws AgentgovError exit 4, always.
 */
export async function notStarted(child: ChildProcess, path: string): Promise<never> {
  const [{ code }] = (await once(child, 'error')) as [NodeJS.ErrnoException];
  throw new AgentgovError(`The loader ${path} could not be started (${code}); install agentgov again.`, EXIT.internal);
}

/** Resolves when a child that has a pid is gone, and all that it wrote has been read. */
export function childEnd(child: ChildProcess): Promise<ChildEnd> {
  child.on('error', () => {}); // of a signal that came too late
  return new Promise((resolve) => {
    child.once('close', (exitCode, signal) => {
      resolve({ ...(exitCode !== null && { exitCode }), ...(signal !== null && { signal }) });
    });
  });
}
