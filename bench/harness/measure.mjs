import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCpuGroup } from './cpu-groups.mjs';
import { workloadEnvironment } from './environment.mjs';
import { native } from './native.mjs';
import { processCpuMs } from './processes.mjs';
import { temporaryFolder } from './workspace.mjs';

let reports;
let groups;
let runs = 0;

/** One pair of control groups serves all runs: counters are read before and after. */
function prepare() {
  reports ??= temporaryFolder('reports');
  groups ??= { work: createCpuGroup('work'), own: createCpuGroup('own') };
}

/** Both or none: a figure from a group and one from wait4 do not subtract. */
const grouped = () => groups.work !== undefined && groups.own !== undefined;

/** How CPU time is read here, for the JSON. */
export function accountingMethod() {
  prepare();
  return grouped() ? 'control group' : 'wait4';
}

export function releaseGroups() {
  groups?.work?.remove();
  groups?.own?.remove();
  groups = undefined;
}

/**
 * Wraps a command so that its CPU time is known apart from whatever starts it.
 *
 * @param {string[]} command
 * @param {'work' | 'own'} role
 * @returns {{argv: string[], report: () => {status: number, self_ns: number, tree_us: number, wall_ns: number}}}
 */
function accounted(command, role) {
  prepare();
  const file = join(reports, `${++runs}.json`);
  const group = groups[role] ? ['--join', groups[role].procs] : [];
  return {
    argv: [native('account'), '--report', file, ...group, '--', ...command],
    report: () => JSON.parse(readFileSync(file, 'utf8')),
  };
}

/**
 * Runs a workload once, alone or under a monitor, to its end.
 *
 * @param {string[]} workload argv
 * @param {{under?: string[], cwd?: string, env?: Record<string, string>, stdout?: 'ignore' | number}} options `under`
 *   is the argv that the workload is appended to: what `agentgov monitor … --` or `strace -f …` looks like
 * @returns {Promise<{workMs: number, ownMs: number, ownSelfMs: number, wallMs: number, status: number}>} CPU of the
 *   workload's tree; of everything else (0 when alone); the part of that which is the monitor's first process (for
 *   agentgov: Node; the rest is the loader); wall time of all of it
 */
export async function measure(workload, { under, cwd, env, stdout = 'ignore' } = {}) {
  const inner = accounted(workload, 'work');
  const outer = under ? accounted([...under, ...inner.argv], 'own') : undefined;
  const before = counters();
  const { stderr } = await finished((outer ?? inner).argv, { cwd, env, stdout });
  const after = counters();

  const work = readReport(inner, stderr);
  if (work.status !== 0) throw new Error(`${workload[0]} ended with status ${work.status}: ${stderr.slice(-2000)}`);
  const monitor = outer ? readReport(outer, stderr) : undefined;
  const result = { ...difference(before, after, work, monitor), status: (monitor ?? work).status };
  return {
    ...result,
    ownSelfMs: (monitor?.self_ns ?? 0) / 1e6,
    wallMs: (monitor ?? work).wall_ns / 1e6,
  };
}

function counters() {
  return grouped() ? { work: groups.work.usedNs(), own: groups.own.usedNs() } : undefined;
}

function difference(before, after, work, monitor) {
  if (before && after) {
    return { workMs: Number(after.work - before.work) / 1e6, ownMs: Number(after.own - before.own) / 1e6 };
  }
  const workMs = work.tree_us / 1000;
  return { workMs, ownMs: monitor ? monitor.tree_us / 1000 - workMs : 0 };
}

function readReport(accountedCommand, stderr) {
  try {
    return accountedCommand.report();
  } catch {
    throw new Error(`the workload never ran: ${stderr.slice(-2000) || 'nothing was said on stderr'}`);
  }
}

/** Runs to the end; keeps the end of stderr for the error message. */
function finished(argv, { cwd, env, stdout }) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd,
      env: workloadEnvironment(env),
      stdio: ['ignore', stdout, 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr = (stderr + chunk).slice(-10_000);
    });
    child.on('error', reject);
    child.on('close', () => resolve({ stderr }));
  });
}

/**
 * Starts a command whose CPU time can be read while it runs.
 *
 * @param {string[]} command
 * @returns {import('node:child_process').ChildProcess} the accounting wrapper; the command is its child
 */
export function startAccounted(command, { cwd, env, stdout = 'ignore', stderr = 'ignore' } = {}) {
  const { argv } = accounted(command, 'own');
  return spawn(argv[0], argv.slice(1), { cwd, env: workloadEnvironment(env), stdio: ['ignore', stdout, stderr] });
}

/** Wraps a workload that runs inside `startAccounted`, so that its CPU does not count as the monitor's. */
export function accountedWorkload(command) {
  return accounted(command, 'work').argv;
}

/** CPU of the monitor so far, in ms: its whole group, or without groups the processes that are named. */
export function ownUsedMs(pids) {
  prepare();
  if (grouped()) return Number(groups.own.usedNs()) / 1e6;
  return pids.reduce((sum, pid) => sum + processCpuMs(pid), 0);
}
