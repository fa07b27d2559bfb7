// Runs the real CLI on a real target and hands back all that there is to judge it by.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { chainFault, type Event, parseLog } from './log.js';
import { killTree } from './processes.js';
import { agentgov } from './repo.js';
import { canary, scratch } from './scratch.js';

export interface Finished {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** What `agentgov verify --json` says of a log. */
export interface Verdict {
  verdict: string;
  events: number;
  events_lost: number;
  canonical: boolean;
  first_bad_line: number | null;
  reason: string;
}

export interface Session extends Finished {
  logFile: string;
  log: Buffer;
  events: Event[];
  verdict: Verdict;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** What the child reads from standard input; nothing when absent. */
  input?: string | Buffer;
  /** Milliseconds until it is killed and the test fails. */
  timeout?: number;
}

export interface MonitorOptions extends RunOptions {
  /** Its own by default: one agent is governed once on a machine, whoever else tests on it. */
  agentId?: string;
  /** Further flags, before the target. */
  flags?: string[];
  /** Where the log goes; a new file by default. */
  logFile?: string;
  /** What stdout shows. */
  output?: 'jsonl' | 'pretty';
  /** Throws stdout away, where there would be too much of it to keep. */
  discardOutput?: boolean;
  /** What runs agentgov itself: `nsenter` and its flags. */
  under?: string[];
}

export interface Running {
  child: ChildProcess;
  logFile: string;
  /** The whole events that are in the log file now. */
  events(): Event[];
  /** Waits until an event that fits is in the log. */
  seen(fits: (event: Event) => boolean, timeout?: number): Promise<Event>;
  /** The end of the process, whatever became of the log. */
  ended: Promise<Finished>;
  /** The end, with the log read and judged: a log that does not hold is an error, never a result. */
  finish(): Promise<Session>;
}

function collect(child: ChildProcess, timeout: number, what: string): Promise<Finished> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve, reject) => {
    const killer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${what} did not end in ${timeout} ms: ${Buffer.concat(stderr)}`));
    }, timeout);
    child.once('error', (error) => {
      clearTimeout(killer);
      reject(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(killer);
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') });
    });
  });
}

/** Runs any program to its end. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { cwd: options.cwd, env: options.env ?? process.env });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return collect(child, options.timeout ?? 60_000, command.join(' '));
}

/** Node reads a machine's own certificates at each start, longer than it does all else; who reads a file needs none. */
const { NODE_EXTRA_CA_CERTS: _, ...offline } = process.env;

export async function verify(file: string, flags: string[] = []): Promise<Verdict> {
  const { stdout, stderr } = await run([agentgov, 'verify', '--json', ...flags, file], { env: offline });
  try {
    return JSON.parse(stdout.toString('utf8')) as Verdict;
  } catch (error) {
    throw new Error(`verify of ${file} printed no JSON document: ${stdout}${stderr}`, { cause: error });
  }
}

const logs = scratch();

/** Sessions that no test has seen the end of. They go with all that they started, once the tests are over. */
const started = new Set<ChildProcess>();
afterAll(() => {
  for (const { pid } of started) if (pid !== undefined) killTree(pid);
});

/** Starts `agentgov monitor` on `target`: ["--", CMD…], ["--pid", "1"], …. */
export function startMonitor(target: readonly string[], options: MonitorOptions = {}): Running {
  const logFile = options.logFile ?? join(mkdtempSync(join(logs, 'log-')), 'audit.jsonl');
  const args = ['monitor', '--output-file', logFile, '--agent-id', options.agentId ?? canary()];
  args.push('--output', options.output ?? 'jsonl', ...(options.flags ?? []), ...target);
  const [program = agentgov, ...before] = [...(options.under ?? []), agentgov];
  const child = spawn(program, [...before, ...args], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', options.discardOutput ? 'ignore' : 'pipe', 'pipe'],
  });
  started.add(child);
  child.once('close', () => started.delete(child));
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  const events = (): Event[] => (existsSync(logFile) ? parseLog(readFileSync(logFile)) : []);
  const ended = collect(child, options.timeout ?? 60_000, `agentgov ${args.join(' ')}`);
  let over = false;
  void ended.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );

  async function finish(): Promise<Session> {
    const result = await ended;
    if (!existsSync(logFile)) throw new Error(`no log (exit ${result.code}): ${result.stderr}`);
    const log = readFileSync(logFile);
    if (log.length === 0) throw new Error(`an empty log (exit ${result.code}): ${result.stderr}`);
    const fault = chainFault(log);
    if (fault) throw new Error(`the chain of ${logFile} does not hold: ${fault}`);
    const verdict = await verify(logFile);
    if (verdict.verdict !== 'intact') throw new Error(`verify says ${verdict.verdict}: ${verdict.reason}`);
    return { ...result, logFile, log, events: parseLog(log), verdict };
  }

  async function seen(fits: (event: Event) => boolean, timeout = 20_000): Promise<Event> {
    // Only what is new is parsed: the log may grow faster than it can be read again and again.
    let looked = 0;
    for (const end = Date.now() + timeout; Date.now() < end; await sleep(50)) {
      const last = over;
      const added = existsSync(logFile) ? readFileSync(logFile).subarray(looked) : Buffer.alloc(0);
      looked += added.lastIndexOf(10) + 1;
      const found = parseLog(added).find(fits);
      if (found) return found;
      if (last) {
        const { code, stderr } = await ended;
        throw new Error(`the session ended with ${code} before the event came: ${stderr}`);
      }
    }
    throw new Error(`the event did not come in ${timeout} ms; the log holds ${events().length} others`);
  }
  return { child, logFile, events, seen, ended, finish };
}

/** Runs `monitor -- COMMAND` to its end. */
export function monitored(command: readonly string[], options: MonitorOptions = {}): Promise<Session> {
  return startMonitor(['--', ...command], options).finish();
}
