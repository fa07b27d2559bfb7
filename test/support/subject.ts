// A process that does what a script says, stands still where the test wants it, and never outlives the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { program } from './programs.js';
import { canary } from './scratch.js';
import type { Script } from './script.js';

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
