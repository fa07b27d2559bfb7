import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Denial } from './denial.js';

const SUFFIX = '.feedback.jsonl';
/** More than a feedback file ever has. */
const MAX_READ = 1 << 20;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** After a denial (its `n`), or after a moment (ms since the epoch). */
export type Since = { n: number } | { time: number };

export interface Feedback {
  agentId: string;
  denials: Denial[];
}

/** In the folder of the control sockets. */
export const feedbackPath = (folder: string, agentId: string): string => join(folder, `${agentId}${SUFFIX}`);

/** Only a plain file that its owner alone can write, as engines make it. @returns its text, undefined where it is none. */
function textOf(path: string, owner: number): string | undefined {
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.uid !== owner || (stats.mode & 0o022) !== 0) return undefined;
    const bytes = Buffer.alloc(Math.min(stats.size, MAX_READ));
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}

function parse(line: string): Denial[] {
  try {
    return [JSON.parse(line) as Denial];
  } catch {
    // Half a line: a disk was full.
    return [];
  }
}

const isSince = ({ n, timestamp }: Denial, since: Since): boolean =>
  'n' in since ? n > since.n : Date.parse(timestamp) >= since.time;

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * What may be read of denials in a folder, of every agent, or of one. What this user may not read is passed over.
 * `owner`: the user whose engines are believed.
 */
export function findFeedback(
  folder: string,
  { agentId, since, owner = 0 }: { agentId?: string | undefined; since?: Since | undefined; owner?: number },
): Feedback[] {
  const ids = namesIn(folder)
    .filter((name) => name.endsWith(SUFFIX) && !name.startsWith('.'))
    .map((name) => name.slice(0, -SUFFIX.length))
    .filter((id) => agentId === undefined || id === agentId)
    .sort();
  return ids.flatMap((id) => {
    let text: string | undefined;
    try {
      text = textOf(feedbackPath(folder, id), owner);
    } catch {
      return [];
    }
    if (text === undefined) return [];
    const denials = text.split('\n').flatMap(parse);
    return [{ agentId: id, denials: since === undefined ? denials : denials.filter((one) => isSince(one, since)) }];
  });
}
