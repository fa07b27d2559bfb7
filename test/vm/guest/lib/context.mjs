// What a guest test is given: assertions, a canary, a folder, and agentgov itself. Plain Node, since the guest has the
// package's production dependencies only.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseLog } from './log.mjs';

/** Thrown by context.skip(). */
export class Skip extends Error {}

/** Runs a program to its end: { code (128 + n for a signal), stdout, stderr }, never a rejection. */
function run(file, args = [], options = {}) {
  const settings = { maxBuffer: 256 * 2 ** 20, encoding: 'utf8', ...options };
  return new Promise((resolve) => {
    const child = execFile(file, args, settings, (error, stdout, stderr) => {
      const number = typeof error?.code === 'number' ? error.code : error ? 127 : 0;
      resolve({ code: child.signalCode ? 128 + (signals[child.signalCode] ?? 0) : number, stdout, stderr });
    });
  });
}
const signals = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 };

export function makeContext({ folder, job, figures }) {
  const work = `/tmp/${randomBytes(4).toString('hex')}`;
  mkdirSync(work);
  const artifacts = join(folder, 'artifacts');
  const agentgov = (args, options) => run('agentgov', args, options);
  let sessions = 0;

  return {
    assert,
    run,
    agentgov,
    /** `lsm`, `hook` or `observe`: what this boot is for, and what agentgov must choose or be told. */
    tier: job.tier,
    /** `full` when the kernel was booted with preempt=full. */
    preempt: job.preempt,
    /** A count of the full lane in, this lane's out (test/scale.ts). */
    scaled: (count) => (job.full ? count : Math.max(1, Math.ceil(count / 10))),
    /** True in the full lane: for what takes too long elsewhere. */
    full: job.full,
    seed: job.seed,
    /** An empty folder of this test. */
    work,
    /** Files put here reach .cache/vm-logs when the test fails. */
    artifacts,
    /** A word that nothing else in this guest can have written. */
    canary: () => `canary-${randomBytes(8).toString('hex')}`,
    figure: (name, value) => {
      figures[name] = value;
    },
    skip: (why) => {
      throw new Skip(why);
    },
    /** Writes a file of the test's folder and returns its path. */
    file: (name, text, mode = 0o644) => {
      writeFileSync(join(work, name), text, { mode });
      return join(work, name);
    },

    /**
     * Runs a command under `agentgov monitor` in this boot's tier: { code, stdout, stderr, log }. `log` is the audit log
     * (log.mjs). Fails when the log does not verify or the session ran in another tier: no test is about less than that.
     * `args` are further flags of monitor, `prefix` a command that starts agentgov itself. `enforce` is a policy file: it
     * is then held over the command. `path` is where the log is to be.
     */
    async monitor(command, { args = [], prefix = [], enforce, path, ...options } = {}) {
      sessions += 1;
      const file = path ?? join(artifacts, `audit-${sessions}.jsonl`);
      const tier = job.tier === 'observe' ? ['--tier', 'observe'] : [];
      const [program, ...rest] = [
        ...prefix,
        'agentgov',
        ...(enforce === undefined ? ['monitor'] : ['enforce', enforce, '--accept', 'leaky-hook']),
        ...tier,
        '--output-file',
        file,
        ...args,
        '--',
        ...command,
      ];
      const result = await run(program, rest, options);
      writeFileSync(join(artifacts, `stderr-${sessions}.txt`), result.stderr);
      // The library and not the command: that would be one more start of Node, a second under emulation.
      const { verifyFile } = await import('/opt/agentgov/dist/index.js');
      const { verdict, reason } = await verifyFile(file);
      assert.equal(verdict, 'intact', `the log does not verify: ${reason}; ${result.stderr}`);
      const log = parseLog(readFileSync(file, 'utf8'));
      assert.equal(log.of('session_start')[0]?.tier, job.tier, 'the tier of the session');
      return { ...result, log, file };
    },
  };
}
