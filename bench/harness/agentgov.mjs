import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { workloadEnvironment } from './environment.mjs';
import { inspectLog } from './logs.mjs';
import { accountedWorkload, measure, startAccounted } from './measure.mjs';
import { childrenOf } from './processes.mjs';
import { repository, temporaryFolder } from './workspace.mjs';

const LOADER = 'agentgov-loader';
const START_DEADLINE_MS = 30_000;

let binary = join(repository, 'bin', 'agentgov');
let logs;
let runs = 0;

/** Measures another build than this checkout's. */
export function useAgentgov(path) {
  binary = path;
}

/** argv of agentgov itself, for its other commands. */
export function agentgov(...args) {
  return [binary, ...args];
}

function newLog() {
  logs ??= temporaryFolder('logs');
  return join(logs, `${++runs}.jsonl`);
}

/** argv that a workload is appended to. Only the log's place is ours: everything else is what a user gets. */
function monitor(log, flags = []) {
  return [binary, 'monitor', '--agent-id', 'bench', '--output-file', log, ...flags, '--'];
}

/**
 * Whether `monitor` works here at all, and in which tier.
 *
 * @returns {Promise<{tier: string, version: string}>}
 * @throws {Error} with agentgov's own sentence
 */
export async function probeAgentgov() {
  const run = promisify(execFile);
  const log = newLog();
  try {
    await run(binary, [...monitor(log).slice(1), 'true'], { env: workloadEnvironment() });
    const { stdout } = await run(binary, ['--version'], { env: workloadEnvironment() });
    const { tier } = await inspectLog(log);
    return { tier, version: stdout.trim() };
  } catch (error) {
    throw new Error(`agentgov monitor does not run here: ${(error.stderr || error.message).trim()}`);
  }
}

/**
 * Runs a workload once under `agentgov monitor`: the figures of `measure`, and what its log says.
 *
 * @param {string[]} workload
 * @param {{flags?: string[]}} [options] more flags of `monitor`, and what `measure` takes
 * @returns {Promise<Awaited<ReturnType<typeof measure>> & {log: Awaited<ReturnType<typeof inspectLog>>}>}
 */
export async function measureGoverned(workload, { flags, ...options } = {}) {
  const path = newLog();
  const figures = await measure(workload, { ...options, under: monitor(path, flags) });
  const log = await inspectLog(path);
  if (!log.ended) throw new Error(`${path} has no session_end: the monitor did not see the run through`);
  return { ...figures, log };
}

/** Runs a workload under `agentgov monitor` and gives the path of the log. */
export async function recordGoverned(workload, options) {
  const path = newLog();
  await measure(workload, { ...options, under: monitor(path) });
  return path;
}

/**
 * Starts a workload under `agentgov monitor` and leaves it running.
 *
 * @param {string[]} workload
 * @param {{readyFile: string, flags?: string[]}} options a file that the workload makes once it runs; more flags
 * @returns {Promise<{node: number, loader: number, log: string, ended: Promise<number>}>} pids, and the exit status
 */
export async function startGoverned(workload, { readyFile, flags, ...options }) {
  const log = newLog();
  const child = startAccounted([...monitor(log, flags), ...accountedWorkload(workload)], options);
  const ended = new Promise((resolve) => child.on('close', resolve));
  for (const deadline = Date.now() + START_DEADLINE_MS; !existsSync(readyFile); await sleep(20)) {
    if (child.exitCode !== null) throw new Error(`agentgov monitor ended with status ${child.exitCode} at its start`);
    if (Date.now() > deadline) throw new Error('agentgov monitor did not start its command in time');
  }
  const node = childrenOf(child.pid)[0]?.pid;
  const loader = childrenOf(node).find(({ name }) => name === LOADER)?.pid;
  if (loader === undefined) throw new Error(`no ${LOADER} below agentgov`);
  return { node, loader, log, ended };
}

/**
 * A tree that is governed and does nothing, and the way to end it.
 *
 * @returns {Promise<Awaited<ReturnType<typeof startGoverned>> & {stop: () => Promise<void>}>}
 */
export async function startSleepingTree() {
  const readyFile = join(temporaryFolder('sleeper'), 'pid');
  const script = 'echo $$ > "$0.part" && mv "$0.part" "$0" && exec sleep 100000';
  const tree = await startGoverned(['sh', '-c', script, readyFile], { readyFile });
  const sleeper = Number(readFileSync(readyFile, 'utf8'));
  return {
    ...tree,
    stop: async () => {
      process.kill(sleeper);
      await tree.ended;
    },
  };
}
