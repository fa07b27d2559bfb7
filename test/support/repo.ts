// Where things are in this checkout.
import { join, resolve } from 'node:path';

export const repo: string = resolve(import.meta.dirname, '..', '..');
/** Downloads and built helpers that outlive a run; ignored by git. */
export const cache: string = join(repo, '.cache');
export const agentgov: string = join(repo, 'bin', 'agentgov');
