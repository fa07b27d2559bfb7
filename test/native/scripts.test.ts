// A script is known by its file, whatever name led there.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  AT_FDCWD,
  type Done,
  doneByLabel,
  type Event,
  monitored,
  NR,
  O,
  program,
  readRecord,
  result,
  Script,
  type Session,
  scratch,
  vector,
} from '../support/index.js';

const folder = scratch();
const at = (name: string): string => join(folder, name);
const AT_EMPTY_PATH = 0x1000;
/** More files that end with the exec than the kernel program looks through. */
const MANY = 300;

interface Way {
  /** The calls that end in an exec of the script, by a process in `folder`. */
  run: (child: Script) => void;
  script: string;
  interpreter?: string;
  unresolved?: true;
}

const exec = (child: Script, name: string): Script => child.call('exec', NR.execve, name, vector([name, 'word']), 0);
const asked = (name: string, script: string, more: Partial<Way> = {}): Way => ({
  run: (child) => exec(child, name),
  script: at(script),
  ...more,
});

/** Each script exits with a code of its own: which one ran is known without the log. */
const codes = new Map<string, number>();
function write(name: string, interpreter = '/bin/sh', before = ''): void {
  const code = codes.size + 10;
  codes.set(at(name), code);
  writeFileSync(at(name), `#!${interpreter}\n${before}\nexit ${code}\n`, { mode: 0o755 });
}

const ways: Record<string, Way> = {
  plain: asked(at('plain'), 'plain'),
  link: asked(at('link'), 'sub/behind-link'),
  'link-to-link': asked(at('link-to-link'), 'sub/behind-link'),
  'link-in-path': asked(at('linked-sub/in-linked'), 'sub/in-linked'),
  relative: asked('./dots/.././plain', 'plain'),
  'relative-elsewhere': {
    run: (child) => exec(child.call('cd', NR.chdir, at('sub')), '../relative-link'),
    script: at('sub/behind-link'),
  },
  'through-proc': asked(`/proc/self/root${at('plain')}`, 'plain'),
  'by-dirfd': {
    run: (child) =>
      child
        .call('dir=d', NR.open, at('linked-sub'), O.RDONLY | O.DIRECTORY)
        .call('exec', NR.execveat, result('d'), 'in-linked', vector(['in-linked']), 0, 0),
    script: at('sub/in-linked'),
  },
  'by-descriptor': {
    run: (child) =>
      child
        .call('file=f', NR.open, at('link'), O.RDONLY)
        .call('exec', NR.execveat, result('f'), '', vector(['any']), 0, AT_EMPTY_PATH),
    script: at('sub/behind-link'),
  },
  // What an exec closes is dropped in the same moment as the script.
  'among-closed-files': {
    run: (child) => {
      for (let i = 0; i < 20; i++) child.call(`open${i}`, NR.open, at(`closed/${i}`), O.RDONLY | O.CLOEXEC);
      exec(child, at('link'));
    },
    script: at('sub/behind-link'),
  },
  'among-too-many': {
    run: (child) => {
      for (let i = 0; i < MANY; i++) child.call(`open${i}`, NR.open, at(`closed/${i}`), O.RDONLY | O.CLOEXEC);
      exec(child, at('link'));
    },
    script: at('link'),
    unresolved: true,
  },
  // The outermost of several, and the interpreter that came of them.
  'script-of-script': asked(at('link-to-chain'), 'chain-3', { interpreter: '/bin/sh' }),
  // From the root of the mount namespace, as every path.
  'in-chroot': {
    run: (child) => exec(child.call('root', NR.chroot, at('jail')).call('cd', NR.chdir, '/'), '/link'),
    script: at('jail/script'),
    interpreter: '/busybox',
  },
  // The link leads elsewhere before anybody could have followed it for the log.
  'link-changed-at-once': asked(at('changing'), 'changes-its-link'),
  'gone-at-once': asked(at('link-to-gone'), 'gone'),
};

describe('a script', () => {
  let session: Session;
  let done: Map<string, Done>;

  beforeAll(async () => {
    for (const name of ['sub', 'dots', 'jail', 'closed']) mkdirSync(at(name));
    for (let i = 0; i < MANY; i++) writeFileSync(at(`closed/${i}`), '');
    for (const name of ['plain', 'sub/behind-link', 'sub/in-linked']) write(name);
    symlinkSync('sub/behind-link', at('link'));
    symlinkSync(at('link'), at('link-to-link'));
    symlinkSync('sub', at('linked-sub'));
    symlinkSync('sub/behind-link', at('relative-link'));
    write('chain-1');
    write('chain-2', at('chain-1'));
    write('chain-3', at('chain-2'));
    // What runs is the innermost: the others are its arguments.
    codes.set(at('chain-3'), codes.get(at('chain-1')) ?? -1);
    symlinkSync('chain-3', at('link-to-chain'));
    copyFileSync('/usr/bin/busybox', at('jail/busybox'));
    chmodSync(at('jail/busybox'), 0o755);
    write('jail/script', '/busybox sh');
    symlinkSync('script', at('jail/link'));
    write('changes-its-link', '/bin/sh', `ln -sfn plain ${at('changing')}`);
    symlinkSync('changes-its-link', at('changing'));
    write('gone', '/bin/sh', `rm ${at('gone')} ${at('link-to-gone')}`);
    symlinkSync('gone', at('link-to-gone'));
    codes.set(at('link'), codes.get(at('sub/behind-link')) ?? -1);

    const script = new Script().call('top', NR.chdir, folder);
    for (const [label, { run }] of Object.entries(ways)) script.fork(label, run);
    script.fork('no-script', (child) => exec(child.call('dir', NR.openat, AT_FDCWD, '.', O.RDONLY), '/bin/true'));
    writeFileSync(at('list'), script.toString());
    session = await monitored([program('syscalls'), at('record'), at('list')]);
    expect(session.code, session.stderr).toBe(0);
    done = doneByLabel(readRecord(at('record')));
  });

  const execOf = (label: string): Event | undefined =>
    session.events.find(({ event_type, pid }) => event_type === 'process_exec' && pid === done.get(label)?.pid);

  it.each(Object.entries(ways))('is the file that was run: %s', (label, { script, interpreter, unresolved }) => {
    expect(done.get(label)?.status, 'exit code').toBe(codes.get(script));
    const event = execOf(label);
    expect(event).toMatchObject({ script, interpreter: interpreter ?? '/bin/sh' });
    expect(event?.path_resolved).toBe(unresolved ? false : undefined);
  });

  // In a user namespace of its own, which has its own formats from 6.7 on.
  const apart = ['unshare', '--user', '--map-root-user', '--mount'];
  const formats = ['mount', '-t', 'binfmt_misc', 'none'];
  it.runIf(spawnSync(apart[0] ?? '', [...apart.slice(1), ...formats, tmpdir()]).status === 0)(
    'is the file that another format gives its interpreter as a descriptor',
    async () => {
      mkdirSync(at('formats'));
      writeFileSync(at('formatted'), `canary ${at('formatted')}`, { mode: 0o755 });
      symlinkSync('formatted', at('link-to-formatted'));
      const line = `${formats.join(' ')} formats && echo ':t:M::canary::/bin/cat:O' > formats/register && exec ./link-to-formatted`;
      const { stdout, events } = await monitored([...apart, 'sh', '-c', line], { cwd: folder });
      expect(stdout.toString()).toContain(`canary ${at('formatted')}`);
      const event = events.filter(({ event_type }) => event_type === 'process_exec').at(-1);
      expect(event).toMatchObject({ script: at('formatted'), interpreter: '/bin/cat' });
      expect(event).not.toHaveProperty('path_resolved');
    },
  );

  it('is no part of the exec of a program', () => {
    const event = execOf('no-script');
    expect(event?.path).toMatch(/\/true$/);
    expect(event).not.toHaveProperty('script');
    expect(event).not.toHaveProperty('path_resolved');
  });
});
