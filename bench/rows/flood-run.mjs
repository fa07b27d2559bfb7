import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  inspectLog,
  memoryFolder,
  memoryKb,
  native,
  ownUsedMs,
  repository,
  startGoverned,
  temporaryFolder,
} from '../harness/index.mjs';

/** The generator is done when the log may still be behind by what the rings and pipes hold. */
const SETTLE_MS = 2000;

/** What the generator does to files besides its opens: it makes its report and renames it, while the ring is full. */
export const REPORT_EVENTS = 2;

/** A folder of `files` empty files; in memory, for making and deleting them is not part of anything. */
export function makeFloodFiles(files) {
  const folder = memoryFolder('flood');
  execFileSync(native('flood'), ['make', folder, String(files)]);
  return folder;
}

/**
 * One governed flood, looked at while its tree still lives, and its log held against the generator's own count.
 *
 * @param {{folder: string, files: number, processes: number, rate: number, verify?: boolean}} flood rate in opens a
 *   second altogether, 0 for as fast as they can; verify: also by the plain Python loop
 * @returns {Promise<object>} `found` distinct files in the log, `invented` opens that nobody did, `reported` of
 *   REPORT_EVENTS, `lost` as the log says, CPU of agentgov in ms, memory in kB, the generator's own report
 */
export async function runFlood({ folder, files, processes, rate, verify = false }) {
  const own = temporaryFolder('flood-run');
  const [reportFile, leaveFile] = [join(own, 'report.json'), join(own, 'leave')];
  const cpuBefore = ownUsedMs([]);
  const tree = await startGoverned(
    [native('flood'), 'run', folder, files, processes, rate, reportFile, leaveFile].map(String),
    { readyFile: reportFile },
  );
  const pids = [tree.node, tree.loader];
  await sleep(SETTLE_MS);
  const [nodeMemory, loaderMemory] = pids.map(memoryKb);
  const ownMs = ownUsedMs(pids) - cpuBefore;
  writeFileSync(leaveFile, '');
  const status = await tree.ended;
  const counted = await countOpens(tree.log, folder, files, reportFile);
  const intact = verify ? isIntact(tree.log) : undefined;
  rmSync(tree.log);
  return { rate, status, ownMs, nodeMemory, loaderMemory, intact, ...counted, ...readJson(reportFile) };
}

/** Every file must be in the log once: a right total alone could hide one that is missing behind one too many. */
async function countOpens(path, folder, files, reportFile) {
  const times = new Uint32Array(files);
  let invented = 0;
  let reported = 0;
  const log = await inspectLog(path, ({ event_type, path: opened, count = 0, errno }) => {
    if (opened?.startsWith(reportFile)) reported++;
    if (event_type !== 'file_open' || errno || !opened?.startsWith(`${folder}/`)) return;
    const number = Number(/\/(\d{7})$/.exec(opened)?.[1]);
    if (number < files) times[number] += 1 + count;
    else invented++;
  });
  const found = times.reduce((sum, count) => sum + (count > 0), 0);
  invented += times.reduce((sum, count) => sum + Math.max(count - 1, 0), 0);
  return { found, invented, reported, lost: log.lost, events: log.events };
}

function isIntact(log) {
  try {
    execFileSync('python3', [join(repository, 'test', 'vectors', 'verify.py'), log], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
