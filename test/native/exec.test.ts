// Every program that is executed with its arguments and its end, and every one that could not be.
import { copyFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Done,
  type Event,
  NR,
  NR32,
  O,
  perform,
  result,
  Script,
  type Session,
  scratch,
  vector,
} from '../support/index.js';

const folder = scratch();
const { EACCES, ENOENT } = constants.errno;

describe('programs', () => {
  const name = (file: string): string => join(folder, 'bin', file);
  let session: Session;
  let done: Map<string, Done>;
  let command: string[];

  beforeAll(async () => {
    mkdirSync(name('x'), { recursive: true });
    for (const copy of ['plain', 'by-fd', 'by-at', 'interpreter', 'ia32']) copyFileSync('/bin/true', name(copy));
    writeFileSync(name('refused'), 'nothing to run', { mode: 0o644 });
    writeFileSync(name('script'), '#!/bin/sh -e\nexit 7\n', { mode: 0o755 });
    writeFileSync(name('outer-script'), `#!${name('script')}\n`, { mode: 0o755 });
    writeFileSync(name('lost-script'), '#!/no/such/interpreter\n', { mode: 0o755 });
    symlinkSync('plain', name('linked'));
    linkSync(name('plain'), name('hard'));
    const script = new Script();
    const exec = (label: string, path: string, argv: string[]): Script =>
      script.fork(label, (child) => child.call(`${label}-exec`, NR.execve, path, vector(argv), 0).exit(99));
    exec('plain', name('plain'), ['plain', 'one', '', 'three  words', '⋯']);
    exec('linked', name('linked'), ['linked']);
    exec('hard', name('hard'), ['hard']);
    exec('script', name('script'), ['script', 'argument']);
    exec('outer-script', name('outer-script'), ['outer-script', 'argument']);
    exec('absent', name('absent'), ['absent']);
    exec('refused', name('refused'), ['refused']);
    exec('lost-script', name('lost-script'), ['lost-script']);
    exec('many', name('plain'), ['many', ...Array.from({ length: 300 }, (_, index) => `${index}`.repeat(100))]);
    script
      .fork('relative', (child) =>
        child
          .call('relative-cd', NR.chdir, name('x'))
          .call('relative-exec', NR.execve, '../plain', vector(['../plain']), 0),
      )
      .fork('by-fd', (child) =>
        child
          .call('by-fd-open=f', NR.open, name('by-fd'), O.PATH | O.CLOEXEC)
          .call('by-fd-exec', NR.execveat, result('f'), '', vector(['by-fd']), 0, 0x1000),
      )
      .fork('by-at', (child) =>
        child
          .call('by-at-open=d', NR.open, name('x'), O.PATH | O.CLOEXEC)
          .call('by-at-exec', NR.execveat, result('d'), '../by-at', vector(['by-at', 'x']), 0, 0),
      )
      .fork('ia32', (child) => child.call32('ia32-exec', NR32.execve, name('ia32'), vector(['ia32', 'y'], 32), 0))
      .fork('ended-0', (child) => child.exit(0))
      .fork('ended-255', (child) => child.exit(255))
      .fork('killed', (child) => child.raise(9))
      .fork('terminated', (child) => child.raise(15))
      .fork('crashed', (child) => child.raise(11));
    ({ session, argv: command, done } = await perform(folder, script, { cwd: folder }));
  });

  const execOf = (label: string): Event => {
    const found = session.events.filter(
      (event) => event.event_type === 'process_exec' && event.pid === done.get(label)?.pid,
    );
    expect(found.length, label).toBe(1);
    return found[0] as Event;
  };

  it('has the very first exec with its folder and arguments', () => {
    const root = done.get('plain')?.result;
    const first = session.events.find((event) => event.pid === root && !event.preexisting);
    expect(first).toMatchObject({
      event_type: 'process_exec',
      path: command[0],
      argv: command,
      cwd: folder,
    });
  });

  it.each([
    ['plain', 'plain', ['plain', 'one', '', 'three  words', '⋯']],
    ['linked', 'plain', ['linked']],
    ['hard', 'hard', ['hard']],
    ['relative', 'plain', ['../plain']],
    ['by-fd', 'by-fd', ['by-fd']],
    ['by-at', 'by-at', ['by-at', 'x']],
    ['ia32', 'ia32', ['ia32', 'y']],
  ])('has %s with its resolved path and exact arguments', (label, path, argv) => {
    const event = execOf(label);
    expect(event.errno).toBeUndefined();
    expect(event.path).toBe(name(path));
    expect(event.argv).toEqual(argv);
    expect(event.cwd).toBe(label === 'relative' ? name('x') : folder);
  });

  it('has a script with its interpreter', () => {
    const event = execOf('script');
    expect(event).toMatchObject({ script: name('script'), interpreter: '/bin/sh' });
    expect(event.path).toMatch(/^\/(usr\/)?bin\/\w+$/);
    expect(event.argv).toEqual(['/bin/sh', '-e', name('script'), 'argument']);
    expect(done.get('script')?.status).toBe(7);
  });

  it('has a script whose interpreter is a script', () => {
    const event = execOf('outer-script');
    expect(event.argv).toEqual(['/bin/sh', '-e', name('script'), name('outer-script'), 'argument']);
    expect(event.script).toBe(name('outer-script'));
  });

  it.each([
    ['absent', ENOENT],
    ['refused', EACCES],
    ['lost-script', ENOENT],
  ])('has the failed exec of %s', (label, errno) => {
    expect(done.get(`${label}-exec`)?.status).toBe(errno);
    expect(execOf(label)).toMatchObject({ errno, path: name(label) });
  });

  it('says that arguments were cut, and how much there was', () => {
    const event = execOf('many');
    const truth = ['many', ...Array.from({ length: 300 }, (_, index) => `${index}`.repeat(100))];
    const size = truth.reduce((sum, word) => sum + word.length + 1, 0);
    expect(event).toMatchObject({ argv_cut: true, argv_bytes: size });
    const kept = event.argv ?? [];
    expect(kept.join('\0').length).toBeGreaterThan(8000);
    expect(truth.join('\0').startsWith(kept.join('\0'))).toBe(true);
  });

  it.each([
    ['ended-0', { exit_code: 0 }],
    ['ended-255', { exit_code: 255 }],
    ['script', { exit_code: 7 }],
    ['absent', { exit_code: 99 }],
    ['killed', { signal: 'SIGKILL' }],
    ['terminated', { signal: 'SIGTERM' }],
    ['crashed', { signal: 'SIGSEGV' }],
  ])('has the end of %s', (label, end) => {
    const found = session.events.filter(
      (event) => event.event_type === 'process_exit' && event.pid === done.get(label)?.pid,
    );
    expect(found.map(({ exit_code, signal }) => JSON.stringify({ exit_code, signal }))).toEqual([JSON.stringify(end)]);
  });
});
