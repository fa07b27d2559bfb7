// `monitor -- CMD`: CMD is itself, with its terminal, its user and its exit code; only that it is watched.
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  agentgov,
  canary,
  chainFault,
  type Event,
  memory,
  monitored,
  parseLog,
  program,
  programSource,
  repo,
  run,
  type Session,
  scratch,
} from '../../support/index.js';

const folder = scratch();
const inMemory = scratch(memory);
const nobody = 65534;

const ofType = ({ events }: { events: Event[] }, type: string): Event[] =>
  events.filter((event) => event.event_type === type);

function expectEnd(session: Session, wanted: Partial<Event>): void {
  const last = session.events.at(-1);
  expect(last).toMatchObject({ event_type: 'session_end', events: session.events.length, lost: 0, ...wanted });
  expect(last?.reason).toMatch(/\w/);
  expect(ofType(session, 'session_end').length).toBe(1);
}

describe('the exit code', () => {
  it.each([
    [['true'], 0, { exit_code: 0 }],
    [['sh', '-c', 'exit 7'], 7, { exit_code: 7 }],
    [['sh', '-c', 'exit 255'], 255, { exit_code: 255 }],
    [['sh', '-c', 'kill -9 $$'], 137, { signal: 'SIGKILL' }],
    [['sh', '-c', 'kill -TERM $$'], 143, { signal: 'SIGTERM' }],
  ])('of %j is its own: %i', async (command, code, end) => {
    const session = await monitored(command);
    expect(session.code, session.stderr).toBe(code);
    expectEnd(session, end);
  });

  it('is 1 for a finding that was asked for, and not for one that was not there', async () => {
    const session = await monitored(['true'], { flags: ['--fail-on', 'loss', '--fail-on', 'would-block'] });
    expect(session.code, session.stderr).toBe(0);
    const small = { ...process.env, AGENTGOV_RING_BULK: String(64 * 1024) };
    const files = join(inMemory, canary());
    mkdirSync(files);
    await run([program('flood'), 'make', files, '4', '5000']);
    const flood = [program('flood'), 'open', join(folder, canary()), files, '4', '5000', '1', '0'];
    const lossy = await monitored(flood, { flags: ['--fail-on', 'loss'], env: small });
    if (lossy.verdict.events_lost > 0) expect(lossy.code, lossy.stderr).toBe(1);
    else expect(lossy.code, lossy.stderr).toBe(0);
  });

  it.each([
    ['a name that is nowhere in PATH', () => [canary()], 127],
    ['a path that is not there', () => [join(folder, canary())], 127],
    ['a file that may not be executed', () => [writeNew('text', 0o644)], 126],
    ['a folder', () => [folder], 126],
  ])('of %s is what a shell gives', async (_, command, code) => {
    const session = await run([
      agentgov,
      'monitor',
      '--output-file',
      join(folder, canary(), 'audit.jsonl').replace(/\/[^/]+\/audit/, '/audit'),
      '--',
      ...command(),
    ]);
    expect(session.code, session.stderr).toBe(code);
    expect(session.stderr.trim().length).toBeGreaterThan(0);
    expect(session.stderr).not.toMatch(/\n\s+at /);
  });

  it('of a script without an interpreter line is the script’s, run by sh', async () => {
    const session = await monitored([writeNew('exit 9\n', 0o755)]);
    expect(session.code, session.stderr).toBe(9);
  });

  function writeNew(content: string, mode: number): string {
    const file = join(folder, canary());
    writeFileSync(file, content);
    chmodSync(file, mode);
    return file;
  }
});

describe('the command', () => {
  it('gets its arguments, folder, environment and standard input, and its output comes out', async () => {
    const words = ['a b', '', '$HOME', '"; exit 3', '--pid', '-', '--', '*'];
    const variable = canary();
    const output = join(folder, canary());
    const shell = `{ printf '%s|' "$@"; pwd; printf '%s\\n' "$VARIABLE"; cat; } > ${output}`;
    const session = await monitored(['sh', '-c', shell, 'sh', ...words], {
      cwd: folder,
      env: { ...process.env, VARIABLE: variable },
      input: 'from the test',
    });
    expect(session.code, session.stderr).toBe(0);
    expect(readFileSync(output, 'utf8')).toBe(
      `${words.map((word) => `${word}|`).join('')}${folder}\n${variable}\nfrom the test`,
    );
  });

  it('is governed from its first instruction', async () => {
    const mark = join(folder, canary());
    const session = await monitored(['touch', mark]);
    const start = ofType(session, 'session_start')[0];
    const own = session.events.filter(({ pid, preexisting }) => pid !== start?.pid && !preexisting);
    expect(own[0]).toMatchObject({ event_type: 'process_exec', argv: ['touch', mark] });
    expect(new Set(own.map(({ pid }) => pid)).size).toBe(1);
    // The dynamic loader's first file belongs to it as well.
    expect(own.some(({ path }) => path === '/etc/ld.so.cache')).toBe(true);
    expect(own.some(({ path, event_type }) => path === mark && event_type === 'file_create')).toBe(true);
    expect(own.at(-1)?.event_type).toBe('process_exit');
  });

  it('runs as the user who called sudo, with that user’s groups and home', async () => {
    const output = join(folder, canary());
    mkdirSync(output);
    chmodSync(folder, 0o755);
    chownSync(output, nobody, nobody);
    const shell = `id -u > ${output}/u; id -g > ${output}/g; id -G > ${output}/G; printf '%s\\n' "$HOME" > ${output}/home`;
    const env = {
      ...process.env,
      SUDO_UID: String(nobody),
      SUDO_GID: String(nobody),
      SUDO_USER: 'nobody',
      SUDO_COMMAND: 'x',
    };
    const session = await monitored(['sh', '-c', shell], { env, cwd: '/' });
    expect(session.code, session.stderr).toBe(0);
    const said = (name: string): string => readFileSync(join(output, name), 'utf8').trim();
    expect([said('u'), said('g'), said('G')]).toEqual([`${nobody}`, `${nobody}`, `${nobody}`]);
    expect(said('home')).not.toBe(process.env.HOME);
    const exec = ofType(session, 'process_exec')[0];
    expect(exec).toMatchObject({ uid: nobody, gid: nobody });
    expect(statSync(session.logFile).uid).toBe(0);
    expect(statSync(session.logFile).mode & 0o777).toBe(0o600);
  });

  it('is said to be able to change agentgov, where its user could', async () => {
    const copy = join(folder, canary());
    for (const part of ['bin', 'package.json', 'dist', 'bpf/build/agentgov-loader'])
      cpSync(join(repo, part), join(copy, part), { recursive: true });
    symlinkSync(join(repo, 'node_modules'), join(copy, 'node_modules'));
    chownSync(join(copy, 'dist'), nobody, nobody);
    const logFile = join(copy, 'audit.jsonl');
    const env = { ...process.env, SUDO_UID: String(nobody), SUDO_GID: String(nobody), SUDO_USER: 'nobody' };
    const ended = await run([join(copy, 'bin/agentgov'), 'monitor', '--output-file', logFile, '--', 'true'], {
      env,
      cwd: '/',
    });
    expect(ended.code, ended.stderr).toBe(0);
    const start = parseLog(readFileSync(logFile))[0];
    expect(JSON.stringify(start?.notes)).toContain(join(copy, 'dist'));
    expect(ended.stderr).toContain(join(copy, 'dist'));
  });
});

describe('the terminal', () => {
  async function onTerminal(
    keys: string,
    command: string[],
  ): Promise<{ screen: string; code: number; events: Event[] }> {
    const logFile = join(folder, canary());
    const line = [agentgov, 'monitor', '--output-file', logFile, '--agent-id', 'terminal', '--', ...command];
    const { stdout, stderr } = await run(['python3', programSource('terminal.py'), keys, ...line]);
    const screen = stdout.toString('utf8');
    const code = /\nexit (-?\d+)\n$/.exec(screen)?.[1];
    expect(code, stderr).toBeDefined();
    const log = readFileSync(logFile);
    expect(chainFault(log)).toBeUndefined();
    return { screen, code: Number(code), events: parseLog(log) };
  }

  it('is the command’s: it can read what is typed, and it is in the foreground', async () => {
    const shell =
      'test -t 0 && test -t 1 && test -t 2 || exit 3; echo ready; read word; test "$word" = typed && exit 21';
    const { code, screen } = await onTerminal('typed\\n', ['sh', '-c', shell]);
    expect(code, screen).toBe(21);
  });

  it('interrupts the command at Ctrl-C, and its own code counts', async () => {
    const killed = await onTerminal('\\x03', ['sh', '-c', 'echo ready; exec sleep 30']);
    expect(killed.code, killed.screen).toBe(130);
    expect(killed.events.at(-1)).toMatchObject({ event_type: 'session_end' });
    const handled = await onTerminal('\\x03', ['sh', '-c', 'trap "exit 5" INT; echo ready; read word']);
    expect(handled.code, handled.screen).toBe(5);
    expect(handled.events.at(-1)).toMatchObject({ event_type: 'session_end' });
  });
});

describe('the log', () => {
  it('is what --output jsonl shows, to the byte', async () => {
    const session = await monitored(['sh', '-c', 'true >/dev/null; ls / >/dev/null']);
    expect(session.stdout.equals(session.log)).toBe(true);
  });

  it('goes to the default place, which is named at the start', async () => {
    const agentId = canary();
    const file = `/var/log/agentgov/${agentId}/audit.jsonl`;
    onTestFinished(() => rmSync(dirname(file), { recursive: true, force: true }));
    const ended = await run([agentgov, 'monitor', '--agent-id', agentId, '--', 'true']);
    expect(ended.code, ended.stderr).toBe(0);
    expect(existsSync(file)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(ended.stderr).toContain(file);
    expect(parseLog(readFileSync(file))[0]).toMatchObject({ agent_id: agentId, event_type: 'session_start' });
  });

  it('takes the agent’s name from its script or executable', async () => {
    const name = canary();
    const script = join(folder, `${name}.sh`);
    writeFileSync(script, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    onTestFinished(() => {
      for (const id of [name, `${name}.sh`]) rmSync(`/var/log/agentgov/${id}`, { recursive: true, force: true });
    });
    const ended = await run([agentgov, 'monitor', '--output', 'jsonl', '--', script]);
    expect(ended.code, ended.stderr).toBe(0);
    const first = parseLog(Buffer.from(ended.stdout))[0];
    expect([name, `${name}.sh`]).toContain(first?.agent_id);
  });

  it('goes on where an earlier session ended', async () => {
    const first = await monitored(['true']);
    const second = await monitored(['true'], { logFile: first.logFile });
    expect(second.log.subarray(0, first.log.length).equals(first.log)).toBe(true);
    expect(second.events.length).toBeGreaterThan(first.events.length);
    expect(chainFault(second.log)).toBeUndefined();
  });

  it('shows each event within half a second', async () => {
    const marks = join(folder, canary());
    mkdirSync(marks);
    const { spawn } = await import('node:child_process');
    const shell = `for n in 1 2 3 4 5 6 7 8; do : > ${marks}/$n; sleep 0.25; done`;
    const args = ['monitor', '--output', 'jsonl', '--output-file', join(marks, 'log'), '--', 'sh', '-c', shell];
    const child = spawn(agentgov, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const delays: number[] = [];
    let rest = '';
    for await (const chunk of child.stdout) {
      const now = Date.now();
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = JSON.parse(line) as Event;
        if (event.path?.startsWith(`${marks}/`)) delays.push(now - Date.parse(event.timestamp));
      }
    }
    expect(delays.length).toBeGreaterThanOrEqual(8);
    expect(Math.max(...delays)).toBeLessThan(500);
  });
});
