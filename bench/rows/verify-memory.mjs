import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentgov, ratioMeasure, temporaryFolder } from '../harness/index.mjs';
import { bundleAudit, writeSampleLog } from './audit-bundle.mjs';

/** About 0.3 and 3 GB. */
const [FEW, MANY] = [500_000, 5_000_000];
const BOUND_KB = 150_000;
const LOOK_MS = 20;

/** What verify has in memory must not depend on the length of the log. */
export default {
  name: 'verify-memory',
  defaultPairs: 3,
  needsAgentgov: false,
  async run({ pairs, progress }) {
    const bundle = await bundleAudit();
    const folder = temporaryFolder('verify-memory');
    const [short, long] = [join(folder, 'short.jsonl'), join(folder, 'long.jsonl')];
    writeSampleLog(bundle, short, FEW);
    writeSampleLog(bundle, long, MANY);
    const peaks = { short: [], long: [] };
    for (let i = 0; i < pairs; i++) {
      peaks.short.push(await peakKb(agentgov('verify', short)));
      peaks.long.push(await peakKb(agentgov('verify', long)));
      progress('verify-memory')(i + 1, pairs);
    }
    const most = Math.max(...peaks.long);
    const megabytes = `${(most / 1000).toFixed(0)} MB`;
    return {
      workload: `logs of ${FEW} and of ${MANY} events`,
      lines: [
        {
          label: 'agentgov verify',
          measures: [ratioMeasure('resident, long over short', peaks.short, peaks.long)],
          raw: peaks,
        },
      ],
      facts: [`resident at most ${megabytes}`],
      failures: most <= BOUND_KB ? [] : [`resident memory is ${megabytes}, over ${BOUND_KB / 1000} MB`],
    };
  },
};

/** The most that a process had resident, as the kernel counts it itself; looked at until it ends. */
async function peakKb([command, ...args]) {
  const child = spawn(command, args, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  let peak = 0;
  while (child.exitCode === null) {
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
