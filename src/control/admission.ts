import { readFileSync } from 'node:fs';
import type { Peer } from '../bpf/index.js';
import { readProcess } from '../targets/index.js';

/** USER_HZ, the unit of start times in /proc: 100 on every architecture that agentgov has a loader for. */
const TICKS_PER_SECOND = 100;

/** What an engine needs to know to let somebody in. */
export interface Doorkeeper {
  /** Whether a live process is in the tree of this engine, by the kernel's own table. */
  governs(pid: number): Promise<boolean>;
  /** The same, asked of all other engines. Rejects when one of them cannot be asked. */
  governedElsewhere(pid: number): Promise<boolean>;
}

/** A peer whose identity is certain: a pid alone is used again. */
export interface KnownPeer extends Peer {
  startTicks: string;
}

const uptimeTicks = (): number => Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * TICKS_PER_SECOND;

/**
 * Ties the pid that the kernel noted at connect(2) to one process.
 *
 * An agent could connect, leave the descriptor to a child and end, so that its pid, no longer a member, is anybody's. So
 * the process must still live and must have been there before the connection was accepted. What is left is a pid space
 * that wraps around between connect and accept.
 *
 * `acceptedAt`: from acceptTime().
 * @returns undefined when that cannot be shown.
 */
export function identify(peer: Peer, acceptedAt: number): KnownPeer | undefined {
  const info = readProcess(peer.pid);
  if (info === undefined || Number(info.startTicks) > acceptedAt) return undefined;
  return { ...peer, startTicks: info.startTicks };
}

/** The moment of an accept, for identify(). Start times are rounded down, /proc/uptime too: one tick is given. */
export const acceptTime = (): number => uptimeTicks() + 1;

/**
 * Why this peer may not speak to this engine, or undefined when it may. Asked again for each request, because who
 * connected in freedom may be governed by now.
 */
export async function refusal(peer: KnownPeer, door: Doorkeeper, everywhere: boolean): Promise<string | undefined> {
  if (readProcess(peer.pid)?.startTicks !== peer.startTicks) return 'The process that connected has ended.';
  if (await door.governs(peer.pid)) return 'A governed process may not control agentgov.';
  if (!everywhere) return undefined;
  try {
    return (await door.governedElsewhere(peer.pid)) ? 'A governed process may not control agentgov.' : undefined;
  } catch (error) {
    return `It cannot be made sure that this process is not governed: ${(error as Error).message}`;
  }
}
