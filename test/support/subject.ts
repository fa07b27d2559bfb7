// A process that does what a script says, stands still where the test wants it, and never outlives the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type MonitorOptions, monitored, type Session } from './monitored.js';
import { program, readRecord } from './programs.js';
import { canary } from './scratch.js';
import { type Done, doneByLabel, type Script } from './script.js';

export interface Subject {
  pid: number;
  child: ChildProcess;
  /** Where it leaves its record. */
  record: string;
  /** Lets it go on from its next `ready`. */
  go(): void;
  ended: Promise<unknown>;
}

/** Starts a script outside of any governed tree and waits until it is at its first `ready`. Call it within a test. */
export async function startSubject(folder: string, script: Script, helper = program('syscalls')): Promise<Subject> {
  const file = join(folder, canary());
  const record = `${file}.record`;
  writeFileSync(file, script.toString());
  const child = spawn(helper, [record, file], { stdio: ['pipe', 'pipe', 'inherit'], cwd: folder });
  const ended = once(child, 'close');
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const { pid, stdin, stdout } = child;
  if (pid === undefined) throw new Error(`${helper} did not start`);
  await Promise.race([once(stdout, 'data'), ended]);
  if (child.exitCode !== null) throw new Error(`the subject ended with ${child.exitCode} before it was ready`);
  return { pid, child, record, go: () => void stdin.write('\n'), ended };
}

export interface Performed {
  session: Session;
  /** The command that did it. */
  argv: string[];
  /** Its own record. */
  done: Map<string, Done>;
}

/** Lets a governed process do what a script says, from its first instruction to its end. */
export async function perform(folder: string, script: Script, options: MonitorOptions = {}): Promise<Performed> {
  const file = join(folder, canary());
  writeFileSync(file, script.toString());
  const argv = [program('syscalls'), `${file}.record`, file];
  const session = await monitored(argv, options);
  expect(session.code, session.stderr).toBe(0);
  return { session, argv, done: doneByLabel(readRecord(`${file}.record`)) };
}
