// agentgov seal: another program's log, exactly as it is, whatever is in it.
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type Sealed, type SealOptions, sealFile, verifyLog } from '../../../src/audit/index.js';
import { filesOf } from '../../../src/audit/log-files.js';
import { checkEvent, textOfBytes } from '../../../src/events/index.js';
import { random as randomFor } from '../../scale.js';
import { logText } from '../../support/log.js';
import { folder } from './logs.js';

vi.setConfig({ testTimeout: 60_000 });

const random = randomFor('foreign');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const seal = (source: string, output: string, more: Partial<SealOptions> = {}): Promise<Sealed> =>
  sealFile(source, { output, agentId: 'other', ...more });

type Event = Record<string, string | number | boolean>;

async function eventsOf(output: string): Promise<Event[]> {
  const files = (await filesOf(output)).sort();
  expect(await verifyLog({ log: output, files })).toMatchObject({ verdict: 'intact' });
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(0, -1));
  return lines.map((line) => JSON.parse(line) as Event);
}

/** The source, put together again from the events alone. */
const restored = (events: Event[]): Buffer =>
  Buffer.concat(
    events
      .filter(({ event_type }) => event_type === 'foreign_line')
      .flatMap(({ line, line_hex: hex, line_continues: continues }) => [
        hex === undefined ? Buffer.from(String(line)) : Buffer.from(String(hex), 'hex'),
        Buffer.from(continues ? '' : '\n'),
      ]),
  );

const place = (content: string | Buffer): { source: string; output: string } => {
  const source = join(folder(), 'other.log');
  writeFileSync(source, content);
  return { source, output: `${source}.sealed.jsonl` };
};

describe('bytes as text', () => {
  it('agree with what the tests believe about paths', () => {
    const parts = [
      'a',
      '\\x41',
      '\\x5c',
      '\\',
      '\xff',
      '\xc3',
      'ä',
      '\xed\xa0\x80',
      '\xf4\x90\x80\x80',
      '\xc0\xaf',
      '😂',
      '\0',
    ];
    for (let round = 0; round < 3000; round += 1) {
      const bytes = Buffer.concat(
        Array.from({ length: 1 + Math.floor(random() * 5) }, () => {
          const part = parts[Math.floor(random() * parts.length)] ?? '';
          return Buffer.from(part, /[\x80-\xff]/.test(part) && part !== 'ä' ? 'latin1' : 'utf8');
        }),
      );
      const { text, inexact } = logText(bytes);
      expect(textOfBytes(bytes)).toEqual(inexact ? { text, hex: bytes.toString('hex') } : { text });
    }
  });
});

describe('seal', () => {
  const contents: Array<[string, string | Buffer]> = [
    ['lines', 'one\ntwo\n\nfour\n'],
    ['a last line without its end', 'one\ntwo'],
    ['nothing but line ends', '\n\n\n'],
    ['CR, NUL, escapes', 'a\r\n\0\x1b[31m\n\u2028\u0085\n'],
    [
      'its own format',
      '{"seq": 1, "hash_prev": "", "hash_self": "0", "event_type": "foreign_line"}\n"seq": 0, "hash_prev": ""\n',
    ],
    ['bytes that are not UTF-8', Buffer.from('caf\xe9 \xff\\x41\n\xc0\xaf\n', 'latin1')],
    ['random bytes', randomBytes(300_000)],
    ['a line of 5 MiB', Buffer.concat([Buffer.alloc(5 * 2 ** 20, 'ä😂'), Buffer.from('\nshort\n')])],
    ['a line of 3 MiB of zeros', Buffer.alloc(3 * 2 ** 20)],
  ];
  it.each(contents)('holds %s exactly, and says what it did', async (_, content) => {
    const { source, output } = place(content);
    const bytes = Buffer.from(content);
    const result = await seal(source, output);
    expect(result).toMatchObject({ bytes: bytes.length, bytesBefore: 0, sha256: sha256(bytes) });
    const events = await eventsOf(output);
    expect(restored(events).equals(bytes)).toBe(true);
    for (const event of events) expect(checkEvent(event as never)).toEqual([]);
    expect(events.at(-1)).toMatchObject({
      event_type: 'file_sealed',
      path: source,
      source_bytes: bytes.length,
      source_lines: result.lines,
      source_sha256: sha256(bytes),
    });
    // Valid UTF-8 stays readable, also where a line is cut in pieces.
    if (String(_).includes('5 MiB')) expect(events.every(({ line_hex: hex }) => hex === undefined)).toBe(true);
  });

  it('goes on where it ended, within a line too, and adds nothing when nothing is new', async () => {
    const { source, output } = place('one\ntw');
    await seal(source, output, { writer: { rotateBytes: 1000 } });
    const before = await eventsOf(output);
    await seal(source, output);
    expect(await eventsOf(output)).toEqual(before);
    for (let round = 0; round < 10; round += 1) {
      appendFileSync(source, `o${round}\nthree${round}\n\nfo`);
      const { bytes, bytesBefore } = await seal(source, output, { writer: { rotateBytes: 1000 } });
      expect(bytes).toBeGreaterThan(bytesBefore);
    }
    const events = await eventsOf(output);
    expect(restored(events).equals(readFileSync(source))).toBe(true);
    const numbers = events.filter(({ line }) => line !== undefined).map(({ line_number: number }) => Number(number));
    expect(Math.max(...numbers)).toBe(readFileSync(source, 'utf8').split('\n').length);
  });

  it.each<[string, (source: string) => void]>([
    ['changed', (source) => writeFileSync(source, readFileSync(source, 'utf8').replace('one', 'On1'))],
    ['cut', (source) => writeFileSync(source, 'one\n')],
    ['rotated', (source) => writeFileSync(source, 'new\n')],
  ])('does not go on with a file that was %s', async (_, attack) => {
    const { source, output } = place('one\ntwo\nthree\n');
    await seal(source, output);
    const before = await eventsOf(output);
    attack(source);
    await expect(seal(source, output)).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('does not begin with the 14 bytes'),
    });
    expect(await eventsOf(output)).toEqual(before);
  });

  it('does not go on in a log that was changed', async () => {
    const { source, output } = place('one\ntwo\n');
    await seal(source, output);
    writeFileSync(output, readFileSync(output, 'utf8').replace('"one"', '"won"'));
    await expect(seal(source, output)).rejects.toMatchObject({ exitCode: 1 });
  });

  it('follows a file, line by line, until it is told to end', async () => {
    const { source, output } = place('one\n');
    const end = new AbortController();
    const done = seal(source, output, { follow: true, signal: end.signal });
    const lines = (): string[] =>
      [...readFileSync(output, 'utf8').matchAll(/"line": "([^"]*)"/g)].map(([, line]) => String(line));
    await vi.waitFor(() => expect(lines()).toEqual(['one']), { timeout: 20_000 });
    appendFileSync(source, 'tw');
    appendFileSync(source, 'o\nthr');
    await vi.waitFor(() => expect(lines()).toEqual(['one', 'two']), { timeout: 20_000 });
    end.abort();
    expect(await done).toMatchObject({ lines: 3 });
    expect(restored(await eventsOf(output)).toString()).toBe('one\ntwo\nthr');
  });

  it('says so when the file that it follows is replaced, behind all that it had', async () => {
    const { source, output } = place('one\n');
    const done = seal(source, output, { follow: true }).catch((error: unknown) => error);
    await vi.waitFor(() => expect(readFileSync(output, 'utf8')).toContain('"one"'), { timeout: 20_000 });
    renameSync(source, `${source}.1`);
    writeFileSync(source, 'new\n');
    expect(await done).toMatchObject({ exitCode: 1 });
    expect(restored(await eventsOf(output)).toString()).toBe('one\n');
  });

  it('goes on after it was killed', async () => {
    const { source, output } = place(Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join(''));
    const program = `
      import { sealFile } from '${new URL('../../../src/audit/index.ts', import.meta.url).pathname}';
      await sealFile(process.argv[2], { output: process.argv[3], agentId: 'other', follow: true });`;
    const script = join(folder(), 'seal.mts');
    writeFileSync(script, program);
    const built = join(folder(), 'seal.mjs');
    execFileSync('npx', ['esbuild', script, '--bundle', '--platform=node', '--format=esm', `--outfile=${built}`], {
      stdio: 'pipe',
    });
    const child = spawn(process.execPath, [built, source, output], { stdio: 'ignore' });
    await vi.waitFor(() => expect(readFileSync(output).length).toBeGreaterThan(200_000), { timeout: 30_000 });
    const dead = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await dead;
    await seal(source, output);
    expect(restored(await eventsOf(output)).equals(readFileSync(source))).toBe(true);
  });
});
