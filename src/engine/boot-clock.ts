import { readFileSync } from 'node:fs';

/** CLOCK_BOOTTIME in µs, to the 10 ms that /proc/uptime gives: Node has no way to read that clock itself. */
export function bootTimeUs(): number {
  const seconds = readFileSync('/proc/uptime', 'latin1').split(' ')[0] ?? '0';
  return Math.round(Number(seconds) * 1e6);
}
