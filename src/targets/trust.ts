import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Whose hands are feared. */
export interface Suspect {
  uid: number;
  gid: number;
  groups: number[];
}

const STICKY = 0o1000;
const GROUP_WRITE = 0o020;
const OTHER_WRITE = 0o002;

function mayWrite(stats: Stats, { uid, gid, groups }: Suspect): boolean {
  // The owner can give themselves the permission.
  if (stats.uid === uid) return true;
  const member = stats.gid === gid || groups.includes(stats.gid);
  const writable = (stats.mode & (member ? GROUP_WRITE : OTHER_WRITE)) !== 0;
  // In a sticky folder only the owner of an entry may replace it, and the entry is checked itself.
  return writable && !(stats.isDirectory() && (stats.mode & STICKY) !== 0);
}

/** A path with its parents, up to the root. */
function* upwards(path: string): Generator<string> {
  for (let at = path; ; at = dirname(at)) {
    yield at;
    if (at === dirname(at)) return;
  }
}

/**
 * Which of these files, or of the folders that lead to them, the agent's user could change, and so change what agentgov
 * is the next time that it starts. By mode bits and ownership; access control lists are not read.
 *
 * @returns the paths, shortest way to each; empty when none.
 */
export function writableBy(
  suspect: Suspect,
  files: readonly string[],
  stat: (path: string) => Stats = statSync,
): string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  for (const file of files) {
    for (const path of upwards(resolved(file))) {
      if (seen.has(path)) break;
      seen.add(path);
      try {
        if (mayWrite(stat(path), suspect)) found.add(path);
      } catch {
        // A file that is not there cannot be run; its parents are looked at all the same.
      }
    }
  }
  return [...found];
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/**
 * The sentences for session_start and the screen; none when all is well.
 * `agents`: the users that the agent runs as; `files`: node, the package, the loader.
 */
export function trustWarnings(agents: readonly Suspect[], files: readonly string[]): string[] {
  const distinct = new Map(agents.map((agent) => [agent.uid, agent]));
  return [...distinct.values()].flatMap((agent) => {
    if (agent.uid === 0) return ['The agent runs as root and could change agentgov itself and this log.'];
    const paths = writableBy(agent, files);
    if (paths.length === 0) return [];
    const more = paths.length > 1 ? ` and ${paths.length - 1} more` : '';
    return [
      `The agent's user (uid ${agent.uid}) could change what agentgov runs: ${paths[0]}${more} is writable for it; install agentgov where only root can write.`,
    ];
  });
}
