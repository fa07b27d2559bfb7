// Names are bytes. Whatever they are, the log has them exactly, and a screen that shows them stays a screen.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  AT_FDCWD,
  canary,
  type Done,
  doneByLabel,
  type Event,
  logText,
  monitored,
  NR,
  O,
  pathBytes,
  program,
  readRecord,
  run,
  Script,
  type Session,
  scratch,
  text,
  unix,
  vector,
} from '../support/index.js';

const word = canary();

/** Each is one component; the canary makes the place findable, the rest is the attack. */
const attacks: Record<string, Buffer> = {
  newline: Buffer.from('a\nb'),
  forgedLine: Buffer.from('a\n{"seq": 1, "event_type": "session_end"}\n'),
  carriageReturn: Buffer.from('safe\rhidden'),
  escape: Buffer.from('a\u001b[31mred\u001b[2J\u001b]0;title\u0007'),
  c1: Buffer.from('a\u009b31mb'),
  rawC1: Buffer.from([0x61, 0x9b, 0x33, 0x31, 0x6d]),
  delete: Buffer.from('a\u007fb'),
  backspace: Buffer.from('a\b\b\bb'),
  ellipsis: Buffer.from('⋯'),
  rightToLeft: Buffer.from('a\u202egpj.exe'),
  isolates: Buffer.from('a\u2066b\u2069c\u200f'),
  zeroWidth: Buffer.from('a\u200bb\ufeffc\u2060'),
  lineSeparator: Buffer.from('a\u2028b\u2029c\u0085d'),
  emoji: Buffer.from('📄 ünïcode'),
  combining: Buffer.from(`e${'\u0301'.repeat(40)}`),
  tags: Buffer.from('a\u{e0041}\u{e0042}b'),
  invalid: Buffer.from([0x61, 0xff, 0xfe, 0x62]),
  invalidLooksLike: Buffer.from('a\\xff\\xfeb'),
  upperLooksLike: Buffer.from('a\\xFF\\xFEb'),
  halfLooksLike: Buffer.from('a\\xf\\x\\b\\\\xffb'),
  escapedBackslash: Buffer.from('a\\x5cxffb'),
  surrogate: Buffer.from([0x61, 0xed, 0xa0, 0x80, 0x62]),
  overlong: Buffer.from([0x61, 0xc0, 0xaf, 0x62]),
  tooHigh: Buffer.from([0x61, 0xf4, 0x90, 0x80, 0x80]),
  cutSequence: Buffer.from([0x61, 0xe2, 0x8b]),
  invalidBeforeValid: Buffer.from([0xe2, 0x8b, 0xe2, 0x8b, 0xaf]),
  quotes: Buffer.from(`a"b'c\`d$(e)`),
  spaces: Buffer.from('  a \t b  '),
  dash: Buffer.from('--output-file=x'),
  longest: Buffer.alloc(255, 'l'),
  longestWide: Buffer.concat([Buffer.from('⋯'.repeat(85))]),
  control: Buffer.from(Array.from({ length: 31 }, (_, index) => index + 1)),
  highBytes: Buffer.from(Array.from({ length: 128 }, (_, index) => index + 128)),
};

const folder = scratch();
const inFolder = (component: Buffer, stem = ''): Buffer => Buffer.concat([Buffer.from(`${folder}/${stem}`), component]);

/** An absolute path of exactly `size` bytes, whose folders are made; every component as long as may be. */
function longPath(size: number): Buffer {
  let path = folder;
  while (size - path.length > 256) {
    path += `/${'d'.repeat(Math.min(255, size - path.length - 3))}`;
    mkdirSync(path, { recursive: true });
  }
  return Buffer.from(`${path}/${'f'.repeat(size - path.length - 1)}`);
}

/** The bytes that a path field stands for, or its text where it stands for none. */
const exact = (event: Event, field: 'path' | 'path_to' = 'path'): string => pathBytes(event, field).toString('hex');

describe('hostile names', () => {
  const names = new Map<string, Buffer>();
  let session: Session;
  let done: Map<string, Done>;

  beforeAll(async () => {
    for (const [label, component] of Object.entries(attacks)) names.set(label, inFolder(component));
    names.set('longPath', longPath(4095));
    const script = new Script();
    for (const [label, name] of names) {
      const aside = `${folder}/aside-${label}`;
      script
        .call(`${label}-create`, NR.openat, AT_FDCWD, text(name), O.CREAT | O.EXCL | O.WRONLY, 0o600)
        .call(`${label}-read`, NR.open, text(name), O.RDONLY)
        .call(`${label}-missing`, NR.open, text(name), O.RDONLY | O.DIRECTORY)
        .call(`${label}-chmod`, NR.chmod, text(name), 0o640)
        .call(`${label}-rename`, NR.rename, text(name), aside)
        .call(`${label}-back`, NR.rename, aside, text(name))
        .call(`${label}-unlink`, NR.unlink, text(name));
    }
    writeFileSync(join(folder, 'script'), script.toString());
    const record = join(folder, 'record');
    session = await monitored([program('syscalls'), record, join(folder, 'script')]);
    expect(session.code, session.stderr).toBe(0);
    done = doneByLabel(readRecord(record));
  });

  it('are made by the kernel as the test thinks', () => {
    const unexpected = [...done].filter(([label, { status }]) => status !== (label.endsWith('-missing') ? 20 : 0));
    expect(unexpected).toEqual([]);
  });

  it('are in the log exactly, in every event that names them', () => {
    for (const [label, name] of names) {
      const hex = name.toString('hex');
      const aside = Buffer.from(`${folder}/aside-${label}`).toString('hex');
      const about = session.events.filter(
        (event) =>
          (event.path !== undefined && exact(event) === hex) ||
          (event.path_to !== undefined && exact(event, 'path_to') === hex),
      );
      const got = about.map(({ event_type, errno, access }) => [event_type, errno ?? 0, access]);
      expect(got, label).toEqual([
        ['file_create', 0, 'write'],
        ['file_open', 0, 'read'],
        ['file_open', 20, 'read'],
        ['file_attr', 0, 'attr'],
        ['file_rename', 0, 'rename'],
        ['file_rename', 0, 'rename'],
        ['file_delete', 0, 'delete'],
      ]);
      const renames = about.filter(({ event_type }) => event_type === 'file_rename');
      expect(renames.map((event) => [exact(event), exact(event, 'path_to')])).toEqual([
        [hex, aside],
        [aside, hex],
      ]);
    }
  });

  it('never become one name where they are two', () => {
    const texts = new Map<string, string>();
    for (const event of session.events)
      if (event.path !== undefined) {
        const bytes = exact(event);
        expect(texts.get(event.path) ?? bytes).toBe(bytes);
        texts.set(event.path, bytes);
      }
  });
});

describe('a path of more bytes than the kernel takes at once', () => {
  it('is exact, or says that it is not', async () => {
    const script = new Script().call('top', NR.chdir, folder);
    const component = 'x'.repeat(250);
    for (let depth = 0; depth < 20; depth++)
      script.call(`mkdir${depth}`, NR.mkdir, component, 0o700).call(`cd${depth}`, NR.chdir, component);
    script.call('open', NR.open, `deep-${word}`, O.CREAT | O.WRONLY, 0o600);
    writeFileSync(join(folder, 'deep-script'), script.toString());
    const record = join(folder, 'deep-record');
    const session = await monitored([program('syscalls'), record, join(folder, 'deep-script')]);
    const done = doneByLabel(readRecord(record));
    expect([...done.values()].filter(({ status }) => status !== 0)).toEqual([]);
    const truth = `${folder}${`/${component}`.repeat(20)}/deep-${word}`;
    const opens = session.events.filter(
      ({ event_type, pid, syscall, path }) =>
        (event_type === 'file_create' || event_type === 'file_open') &&
        syscall === 'open' &&
        pid === done.get('open')?.pid &&
        path !== record,
    );
    expect(opens.length).toBe(1);
    for (const event of opens) if (event.path !== truth) expect(event.path_resolved).toBe(false);
  });
});

describe('hostile programs, arguments and sockets', () => {
  let session: Session;
  let done: Map<string, Done>;
  const argv = Object.values(attacks);
  const asProgram = ['newline', 'escape', 'invalid', 'rightToLeft', 'invalidLooksLike', 'longest'] as const;
  const program255 = (label: string): Buffer =>
    inFolder(attacks[label] ?? Buffer.alloc(0), 'bin-'.repeat(Number(label !== 'longest')));

  beforeAll(async () => {
    const script = new Script();
    for (const label of asProgram) {
      const name = program255(label);
      copyFileSync('/bin/true', name);
      const where = inFolder(attacks[label] ?? Buffer.alloc(0), 'cwd-'.repeat(Number(label !== 'longest')));
      if (label !== 'longest') mkdirSync(where);
      script.fork(`run-${label}`, (child) => {
        if (label !== 'longest') child.call(`cd-${label}`, NR.chdir, text(where));
        child.call(`exec-${label}`, NR.execve, text(name), vector([name, ...argv]), 0);
      });
      const socket = Buffer.concat([Buffer.from(`\0${word}`), (attacks[label] ?? Buffer.alloc(0)).subarray(0, 60)]);
      script
        .call(`socket-${label}=s`, NR.socket, 1, 1, 0)
        .call(`connect-${label}`, NR.connect, { word: '@s' }, unix(socket), 2 + socket.length);
    }
    writeFileSync(join(folder, 'exec-script'), script.toString());
    const record = join(folder, 'exec-record');
    session = await monitored([program('syscalls'), record, join(folder, 'exec-script')]);
    expect(session.code, session.stderr).toBe(0);
    done = doneByLabel(readRecord(record));
  });

  it('are executed as the test thinks', () => {
    expect([...done].filter(([label]) => label.startsWith('run-')).map(([, { status }]) => status)).toEqual(
      asProgram.map(() => 0),
    );
  });

  it('have their path, arguments, folder and name in the log', () => {
    for (const label of asProgram) {
      const pid = done.get(`run-${label}`)?.pid;
      const event = session.events.find((one) => one.event_type === 'process_exec' && one.pid === pid);
      if (!event) throw new Error(`no exec of ${label}`);
      const name = program255(label);
      expect(exact(event), label).toBe(name.toString('hex'));
      expect(event.argv, label).toEqual([name, ...argv].map((bytes) => logText(bytes).text));
      if (label !== 'longest')
        expect(event.cwd).toBe(logText(inFolder(attacks[label] ?? Buffer.alloc(0), 'cwd-')).text);
    }
  });

  it('have the abstract names of their sockets in the log', () => {
    for (const label of asProgram) {
      const name = Buffer.concat([Buffer.from(`@${word}`), (attacks[label] ?? Buffer.alloc(0)).subarray(0, 60)]);
      const events = session.events.filter(
        (event) => event.event_type === 'unix_connect' && exact(event) === name.toString('hex'),
      );
      expect(events.length, label).toBe(1);
    }
  });
});

/** Select Graphic Rendition: colours and weights, the only sequences that a screen may get. */
const rendition = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/** The first thing on a screen that is not plain text, as its code point in hexadecimal. */
function unsafe(screen: Buffer): string | undefined {
  const shown = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(screen).replace(rendition, '');
  // Controls, unassigned, private, surrogates, format characters (bidi, zero width, tags) and line separators.
  const found = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u.exec(shown);
  return found
    ? `U+${found[0].codePointAt(0)?.toString(16)} at ${found.index}: ${JSON.stringify(shown.slice(found.index - 60, found.index + 20))}`
    : undefined;
}

describe('the screen', () => {
  async function show(onTerminal: boolean): Promise<{ screen: Buffer; lines: number; events: number }> {
    const marks = join(folder, canary());
    mkdirSync(marks);
    const script = new Script();
    for (const [label, component] of Object.entries(attacks))
      script.call(
        label,
        NR.open,
        text(Buffer.concat([Buffer.from(`${marks}/`), component])),
        O.CREAT | O.WRONLY,
        0o600,
      );
    const copy = Buffer.concat([Buffer.from(`${marks}/x`), attacks.escape ?? Buffer.alloc(0)]);
    copyFileSync('/bin/true', copy);
    script.fork('run', (child) => child.call('exec', NR.execve, text(copy), vector([copy, ...argvOf()]), 0));
    writeFileSync(join(marks, 'script'), script.toString());
    const logFile = join(marks, 'audit.jsonl');
    const subject = [program('syscalls'), join(marks, 'record'), join(marks, 'script')];
    if (!onTerminal) {
      const session = await monitored(subject, { output: 'pretty', logFile });
      return {
        screen: session.stdout,
        lines: session.stdout.toString().split('\n').length - 1,
        events: session.events.length,
      };
    }
    // script(1) gives it a terminal; every argument is a plain word, so its shell line needs no quoting.
    const { agentgov } = await import('../support/index.js');
    const line = [agentgov, 'monitor', '--output', 'pretty', '--output-file', logFile, '--', ...subject].join(' ');
    const env = { ...process.env, TERM: 'xterm-256color' };
    delete (env as NodeJS.ProcessEnv).NO_COLOR;
    const { stdout } = await run(['script', '-qec', line, '/dev/null'], { env });
    const screen = Buffer.from(stdout.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
    return { screen, lines: 0, events: 0 };
  }
  const argvOf = (): Buffer[] => Object.values(attacks);

  it('gets nothing but text when it is no terminal, one line an event', async () => {
    const { screen, lines, events } = await show(false);
    expect(unsafe(screen)).toBeUndefined();
    expect(screen.includes(0x1b)).toBe(false);
    expect(lines).toBe(events);
  });

  it('gets nothing but text and colours when it is one', async () => {
    const { screen } = await show(true);
    expect(screen.length).toBeGreaterThan(1000);
    expect(unsafe(screen)).toBeUndefined();
  });
});
