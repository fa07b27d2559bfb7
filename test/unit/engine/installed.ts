// agentgov as it is installed, but with a double for its loader: whole processes, real signals, no kernel.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'tsup';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { verifyFile } from '../../../src/audit/index.js';
import { type AgentEvent, checkEvent } from '../../../src/events/index.js';
import { stateFolder } from '../../../src/targets/index.js';
import { chainFault } from '../../support/log.js';
import { repo } from '../../support/repo.js';
import { canary, scratch } from '../../support/scratch.js';
import { makeDouble, type Script } from '../bpf/make-double.js';

const folder = scratch();
let built: string;

beforeAll(async () => {
  built = mkdtempSync(join(tmpdir(), 'agentgov-built-'));
  await build({
    config: false,
    entry: [join(repo, 'src/cli.ts')],
    format: 'esm',
    target: 'node20',
    platform: 'node',
    splitting: true,
    outDir: built,
    silent: true,
  });
  writeFileSync(join(built, 'cli.cjs'), "exports.runCli = async (argv) => (await import('./cli.js')).runCli(argv);\n");
}, 60_000);
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** An installation whose loader follows this script; without one it has no loader. @returns its root. */
export function install(script: Script | undefined): string {
  const root = join(folder, canary());
  mkdirSync(join(root, 'bin'), { recursive: true });
  for (const file of ['bin/agentgov', 'bin/package.json', 'package.json']) cpSync(join(repo, file), join(root, file));
  cpSync(built, join(root, 'dist'), { recursive: true });
  symlinkSync(join(repo, 'node_modules'), join(root, 'node_modules'));
  if (script !== undefined) {
    mkdirSync(join(root, 'bpf', 'build'), { recursive: true });
    makeDouble(script, join(root, 'bpf', 'build', 'agentgov-loader'));
  }
  return root;
}

export interface Result {
  code: number | null;
  stdout: Buffer;
  stderr: string;
}

export interface Run {
  child: ChildProcess;
  agentId: string;
  log: string;
  result: Promise<Result>;
  /** The whole events that are in the log now. */
  events(): AgentEvent[];
  /** Waits for an event of this type. */
  seen(type: string): Promise<void>;
}

/** Runs agentgov with these words. `stdout`: or a descriptor. */
export function start(root: string, words: string[], stdout: 'pipe' | 'ignore' | number = 'pipe'): ChildProcess {
  return spawn(process.execPath, [join(root, 'bin/agentgov'), ...words], { stdio: ['ignore', stdout, 'pipe'] });
}

export function finished(child: ChildProcess): Promise<Result> {
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
  });
}

export const run = (root: string, ...words: string[]): Promise<Result> => finished(start(root, words));

/** The log's path of a session that is still to come. */
export const newLog = (): string => join(folder, `${canary()}.jsonl`);

/** `monitor`, or the same with a policy, with a log of its own. */
export function monitor(
  root: string,
  words: string[],
  options: { log?: string; agentId?: string; read?: boolean; stdout?: number; policy?: string } = {},
): Run {
  const log = options.log ?? newLog();
  const agentId = options.agentId ?? canary();
  // What it keeps of an agent under a policy outlives the session, and is not beside the log.
  if (options.policy !== undefined)
    onTestFinished(() =>
      rmSync(join(stateFolder(process.geteuid?.() ?? 0, process.env), agentId), { recursive: true, force: true }),
    );
  const doing = options.policy === undefined ? ['monitor'] : ['enforce', options.policy];
  const child = start(root, [...doing, '--output-file', log, '--agent-id', agentId, ...words], options.stdout);
  const events = (): AgentEvent[] => {
    const text = existsSync(log) ? readFileSync(log, 'latin1') : '';
    const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as AgentEvent);
  };
  const result =
    options.read === false
      ? new Promise<Result>((resolve) =>
          child.once('exit', (code) => resolve({ code, stdout: Buffer.alloc(0), stderr: '' })),
        )
      : finished(child);
  return {
    child,
    agentId,
    log,
    events,
    result,
    seen: (type) =>
      expect
        .poll(() => events().some(({ event_type }) => event_type === type), { timeout: 30_000, interval: 20 })
        .toBe(true),
  };
}

/** A log as every session must leave it: intact, to the registry, one session_start first and one session_end last. */
export async function expectWhole({ log, events }: Run): Promise<AgentEvent> {
  expect(chainFault(readFileSync(log))).toBeUndefined();
  expect(await verifyFile(log)).toMatchObject({ verdict: 'intact' });
  const all = events();
  for (const event of all) expect(checkEvent(event)).toEqual([]);
  expect(all[0]?.event_type).toBe('session_start');
  expect(all.filter(({ event_type }) => event_type === 'session_start')).toHaveLength(1);
  const end = all.at(-1) as AgentEvent;
  expect(end).toMatchObject({ event_type: 'session_end', events: all.length });
  expect(all.filter(({ event_type }) => event_type === 'session_end')).toHaveLength(1);
  return end;
}
