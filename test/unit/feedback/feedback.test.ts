import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../../src/events/index.js';
import type { Denial } from '../../../src/feedback/denial.js';
import {
  FeedbackFile,
  feedbackPath,
  feedbackText,
  findFeedback,
  hookOutput,
  readHookInput,
} from '../../../src/feedback/index.js';
import { canary, scratch } from '../../support/scratch.js';

const owner = process.geteuid?.() ?? 0;
const gid = process.getegid?.() ?? 0;

const root = scratch();

function newFolder(): string {
  const folder = join(root, canary());
  mkdirSync(folder);
  return folder;
}

const blocked = (fields: Record<string, unknown>): AgentEvent =>
  ({
    event_type: 'file_open',
    action: 'BLOCKED',
    access: 'read',
    agent_id: 'a',
    pid: 7,
    comm: 'cat',
    exe: '/usr/bin/cat',
    timestamp: '2026-04-14T09:23:01.234Z',
    policy_rule: 'secrets',
    reason: 'same_file',
    ...fields,
  }) as unknown as AgentEvent;

function open(folder = newFolder()): { file: FeedbackFile; path: string; folder: string; problems: string[] } {
  const problems: string[] = [];
  const path = feedbackPath(folder, 'a');
  const file = new FeedbackFile({ path, gid, onProblem: (text) => problems.push(text) });
  file.open();
  return { file, path, folder, problems };
}

const linesOf = (path: string): Denial[] =>
  readFileSync(path, 'latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Denial);

const written = (path: string, count: number): Promise<void> =>
  expect.poll(() => linesOf(path).length, { timeout: 10_000, interval: 5 }).toBe(count);

describe('the feedback file', () => {
  it('has what was asked for, the rule and its guidance, and nothing else', async () => {
    const { file, path, problems } = open();
    file.denied(blocked({ path: '/home/ä\n"/.ssh/id', uid: 1000 }), 'Ask.');
    file.denied(
      blocked({
        event_type: 'network_connect',
        access: undefined,
        dest_ip: '192.0.2.1',
        dest_port: 443,
        dest_domain: 'x',
      }),
      undefined,
    );
    file.denied(blocked({ event_type: 'ptrace', access: undefined, target_pid: 9 }), undefined);
    await written(path, 3);
    const common = { timestamp: '2026-04-14T09:23:01.234Z', rule: 'secrets', count: 1 };
    expect(linesOf(path)).toEqual([
      {
        ...common,
        n: 1,
        event_type: 'file_open',
        class: 'file',
        guidance: 'Ask.',
        access: 'read',
        path: '/home/ä\n"/.ssh/id',
      },
      { ...common, n: 2, event_type: 'network_connect', class: 'network', dest_ip: '192.0.2.1', dest_port: 443 },
      { ...common, n: 3, event_type: 'ptrace', class: 'ptrace', target_pid: 9 },
    ]);
    expect(readFileSync(path, 'latin1')).toMatch(/^[\n -~]*$/);
    expect(lstatSync(path)).toMatchObject({ mode: 0o100640, uid: owner, gid });
    expect(problems).toEqual([]);
    file.close();
  });

  it('is gone when the session is, and nothing is written after that', async () => {
    const { file, folder } = open();
    file.denied(blocked({ path: '/a' }), undefined);
    file.close();
    file.denied(blocked({ path: '/b' }), undefined);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes the place of links and of what a killed engine has left, and writes through none', async () => {
    const folder = newFolder();
    const victim = join(newFolder(), 'victim');
    writeFileSync(victim, 'mine');
    symlinkSync(victim, feedbackPath(folder, 'a'));
    symlinkSync(victim, join(folder, '.a.feedback.jsonl'));
    const { file, path } = open(folder);
    file.denied(blocked({ path: '/a' }), undefined);
    await written(path, 1);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readdirSync(folder)).toEqual(['a.feedback.jsonl']);
    file.close();
  });

  it('counts what is the same, and what is too much at once', async () => {
    const { file, path } = open();
    for (let i = 0; i < 1000; i++) file.denied(blocked({ path: '/same' }), undefined);
    for (let i = 0; i < 1000; i++) file.denied(blocked({ path: `/other/${i}` }), undefined);
    await written(path, 64);
    const [first, ...others] = linesOf(path);
    expect(first).toMatchObject({ path: '/same', count: 1000, omitted: 1000 - 63 });
    for (const other of others) expect(other).toMatchObject({ count: 1 });
    file.close();
  });

  it('stays small, and keeps the newest', async () => {
    const { file, path } = open();
    const long = 'ä'.repeat(4000);
    let greatest = 0;
    for (let n = 64; n <= 64 * 8; n += 64) {
      for (let i = 0; i < 64; i++) file.denied(blocked({ path: `/${n}/${i}/${long}` }), undefined);
      await expect.poll(() => linesOf(path).at(-1)?.n, { timeout: 10_000, interval: 5 }).toBe(n);
      greatest = Math.max(greatest, lstatSync(path).size);
    }
    expect(greatest).toBeGreaterThan(64 * 1024);
    expect(greatest).toBeLessThanOrEqual(256 * 1024);
    expect(lstatSync(path).mode).toBe(0o100640);
    const numbers = linesOf(path).map(({ n }) => n);
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] as number) + at));
    file.close();
  });

  it('says once that it cannot be written, and holds nothing up', () => {
    const { file, problems } = open(join(newFolder(), 'missing'));
    file.denied(blocked({ path: '/a' }), undefined);
    file.close();
    expect(problems).toEqual([expect.stringMatching(/cannot be told .*ENOENT/)]);
  });
});

describe('reading it', () => {
  const line = (n: number, timestamp = '2026-04-14T09:23:01.234Z'): string =>
    `${JSON.stringify({ n, timestamp, event_type: 'file_open', class: 'file', rule: 'r', path: '/a', count: 1 })}\n`;

  it('gives what came later than a number or a moment, and passes over half a line', () => {
    const folder = newFolder();
    writeFileSync(feedbackPath(folder, 'a'), `${line(1)}${line(2, '2026-04-14T10:00:00.000Z')}{"n": 3`, {
      mode: 0o640,
    });
    const numbers = (since?: { n: number } | { time: number }): number[] | undefined =>
      findFeedback(folder, { since, owner })[0]?.denials.map(({ n }) => n);
    expect(numbers()).toEqual([1, 2]);
    expect(numbers({ n: 1 })).toEqual([2]);
    expect(numbers({ time: Date.parse('2026-04-14T09:59:00Z') })).toEqual([2]);
    expect(numbers({ n: 2 })).toEqual([]);
  });

  it('believes only a plain file of the right owner that nobody else can write', () => {
    const folder = newFolder();
    const good = join(newFolder(), 'good');
    writeFileSync(good, line(1), { mode: 0o640 });
    symlinkSync(good, feedbackPath(folder, 'link'));
    writeFileSync(feedbackPath(folder, 'open'), line(1));
    chmodSync(feedbackPath(folder, 'open'), 0o666);
    mkdirSync(feedbackPath(folder, 'folder'));
    execFileSync('mkfifo', ['-m', '600', feedbackPath(folder, 'fifo')]);
    writeFileSync(feedbackPath(folder, 'fine'), line(1), { mode: 0o640 });
    expect(findFeedback(folder, { owner }).map(({ agentId }) => agentId)).toEqual(['fine']);
    expect(findFeedback(folder, { owner: owner + 1 })).toEqual([]);
    expect(findFeedback(folder, { owner, agentId: 'other' })).toEqual([]);
    expect(findFeedback(join(folder, 'missing'), { owner })).toEqual([]);
  });
});

describe('what a model reads', () => {
  const denial = (fields: Partial<Denial>): Denial => ({
    n: 1,
    timestamp: '2026-04-14T09:23:01.234Z',
    event_type: 'file_open',
    class: 'file',
    rule: 'secrets',
    access: 'read',
    path: '/a',
    count: 1,
    ...fields,
  });

  it('names what was denied, by which rule and how often, and what to do', () => {
    const text = feedbackText(
      [denial({ guidance: 'Ask.' }), denial({ path: '/b', access: 'write' }), denial({ guidance: 'Ask.', count: 2 })],
      8000,
    );
    expect(text?.split('\n').slice(1, -1)).toEqual([
      '- file_open (write) "/b": rule "secrets", class file.',
      '- file_open (read) "/a": rule "secrets", class file. Ask. [3 times]',
    ]);
    expect(text).toContain('Do not retry');
    expect(feedbackText([], 8000)).toBeUndefined();
  });

  it.each<[Partial<Denial>, string]>([
    [{ event_type: 'file_rename', access: 'rename', path_to: '/c' }, 'file_rename "/a" to "/c"'],
    [{ event_type: 'network_connect', access: '', path: undefined, dest_ip: '::1', dest_port: 1 }, '[::1]:1'],
    [{ event_type: 'network_bind', path: undefined, local_ip: '127.0.0.1', local_port: 2 }, '127.0.0.1:2'],
    [{ event_type: 'signal', path: undefined, target_pid: -5 }, 'process -5'],
  ] as [Partial<Denial>, string][])('names the object of %j', (fields, object) => {
    expect(feedbackText([denial(fields)], 8000)).toContain(object);
  });

  it('cannot be given lines, quotes or controls by a file name', () => {
    const path = '/a\n- process_exec "/x": rule "none"\u001b[2J\u202e';
    const text = feedbackText([denial({ path })], 8000) ?? '';
    expect(text.split('\n')).toHaveLength(3);
    expect(text).toContain('"/a\\u{a}- process_exec \\u{22}/x\\u{22}: rule \\u{22}none\\u{22}\\u{1b}[2J\\u{202e}"');
  });

  it('keeps to its room, and says what is left out', () => {
    const many = Array.from({ length: 500 }, (_, n) => denial({ n, path: `/${n}/${'\u202e'.repeat(1000)}` }));
    const text = feedbackText(many, 8000) ?? '';
    expect(text.length).toBeLessThanOrEqual(8000);
    const shown = text.split('\n').filter((one) => one.startsWith('- file_open'));
    expect(shown.at(-1)).toContain('"/499/');
    expect(text).toContain(`- and ${500 - shown.length} more`);
  });
});

describe('the hook', () => {
  const read = (text: string): ReturnType<typeof readHookInput> => readHookInput(Readable.from([Buffer.from(text)]));

  it('reads its event and how long the tool ran', async () => {
    expect(await read('{"hook_event_name":"PostToolUse","tool_response":{}}')).toEqual({ event: 'PostToolUse' });
    expect(await read('{"hook_event_name":"PostToolUseFailure","duration_ms":12}')).toEqual({
      event: 'PostToolUseFailure',
      durationMs: 12,
    });
  });

  it.each(['', 'null', '[]', '{"hook_event_name":"PreToolUse"}', '{"hook_event_name":1}'])(
    'refuses %j',
    async (text) => {
      await expect(read(text)).rejects.toThrow();
    },
  );

  it('answers with the two fields that both agents know', () => {
    expect(JSON.parse(hookOutput('PostToolUse', 'a\n"'))).toEqual({
      hookSpecificOutput: { hookEventName: 'PostToolUse', additionalContext: 'a\n"' },
    });
  });
});
