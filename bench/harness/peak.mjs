import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { workloadEnvironment } from './environment.mjs';

const LOOK_MS = 20;

/**
 * Runs a command to its end.
 *
 * @param {string[]} command argv
 * @returns {Promise<number>} the most that its process had resident, in kB, as the kernel counts it itself
 */
export async function peakKb([command, ...args]) {
  const child = spawn(command, args, { stdio: 'ignore', env: workloadEnvironment() });
  const ended = once(child, 'exit');
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    peak = Math.max(peak, residentPeakKb(child.pid));
    await sleep(LOOK_MS);
  }
  const [status] = await ended;
  if (status !== 0) throw new Error(`${command} ended with status ${status}`);
  return peak;
}

function residentPeakKb(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
