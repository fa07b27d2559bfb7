// Checkpoints on their way to another place, and places that do not take them.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AuditWriter, verifyFile } from '../../../src/audit/index.js';
import { newSigner } from '../../../src/audit/note.js';
import { CHECKPOINTS, Pusher, placeAt } from '../../../src/delivery/index.js';
import { event, folder } from '../audit/logs.js';

vi.setConfig({ testTimeout: 60_000 });

const key = newSigner('example.org/host');

/** Writes a log with a checkpoint after every 10 events, each pushed there. @returns what was said */
async function record(path: string, where: string, count: number, patienceMs = 50_000): Promise<string[]> {
  const said: string[] = [];
  const pusher = new Pusher(placeAt(where, `${path}.checkpoints`), CHECKPOINTS, (text) => said.push(text));
  const onCheckpoint = (note: string) => pusher.push(note);
  const writer = await AuditWriter.open(path, { checkpoints: { key, everyEvents: 10, onCheckpoint } });
  for (let index = 0; index < count; index += 1) writer.append(event(index));
  await writer.close();
  await pusher.close(patienceMs);
  return said;
}

const notes = (path: string): string => readFileSync(`${path}.checkpoints`, 'utf8');

describe('a copy of the checkpoints in a file', () => {
  it('holds them all, over several sessions, and verify takes it', async () => {
    const path = join(folder(), 'audit.jsonl');
    const copy = join(folder(), 'copy');
    expect(await record(path, copy, 25)).toEqual([]);
    expect(readFileSync(copy, 'utf8')).toBe(notes(path));
    await record(path, copy, 25);
    expect(readFileSync(copy, 'utf8')).toBe(notes(path));
    expect(await verifyFile(path, { keys: [key], checkpoints: copy })).toMatchObject({
      verdict: 'intact',
      checks: { checkpoints: 'ok' },
    });
  });

  it('gets what it missed while it could not be written, or was torn', async () => {
    const path = join(folder(), 'audit.jsonl');
    const copy = join(folder(), 'mount', 'copy');
    const said = await record(path, copy, 15, 500);
    expect(said[0]).toContain('does not take checkpoints (ENOENT');
    expect(said.at(-1)).toMatch(/^2 checkpoints did not reach /);
    mkdirSync(dirname(copy));
    writeFileSync(copy, notes(path).slice(0, 100));
    expect(await record(path, copy, 5)).toEqual([]);
    expect(readFileSync(copy, 'utf8')).toBe(notes(path));
  });

  it('is never changed where it holds something else', async () => {
    const path = join(folder(), 'audit.jsonl');
    const copy = join(folder(), 'copy');
    await record(path, copy, 15);
    const before = readFileSync(copy, 'utf8');
    // Somebody writes another history.
    for (const name of [path, `${path}.tip`, `${path}.checkpoints`, `${path}.tree`]) rmSync(name);
    const said = await record(path, copy, 40, 500);
    expect(said[0]).toContain('it holds something else than these checkpoints');
    expect(readFileSync(copy, 'utf8')).toBe(before);
  });
});

describe('checkpoints over HTTP', () => {
  it('are posted one by one, and again until they are taken', async () => {
    const got: Array<{ body: string; request: IncomingMessage }> = [];
    let refusals = 2;
    const server = createHttp((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        refusals -= 1;
        response.statusCode = refusals >= 0 ? 503 : 204;
        if (refusals < 0) got.push({ body, request });
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const path = join(folder(), 'audit.jsonl');
    const said = await record(path, `http://me:se%40cret@127.0.0.1:${port}/in`, 25);
    expect(got.map(({ body }) => `${body}\n`).join('')).toBe(notes(path));
    const { method, url, headers } = got[0]?.request ?? {};
    expect({ method, url }).toEqual({ method: 'POST', url: '/in' });
    expect(headers?.authorization).toBe(`Basic ${Buffer.from('me:se@cret').toString('base64')}`);
    expect(said).toEqual([
      `http://127.0.0.1:${port}/in does not take checkpoints (it answered 503); trying again.`,
      `http://127.0.0.1:${port}/in takes checkpoints again.`,
    ]);
  });

  it('do not hold up the end of a log for a place that never answers', async () => {
    const server = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const path = join(folder(), 'audit.jsonl');
    const said = await record(path, `http://127.0.0.1:${port}/`, 25, 500);
    expect(said.at(-1)).toMatch(/^3 checkpoints did not reach /);
    expect(await verifyFile(path, { keys: [key] })).toMatchObject({ verdict: 'intact' });
  });
});

it('checkpoints go to syslog as messages of their own', async () => {
  let bytes = Buffer.alloc(0);
  const server = createServer((socket) =>
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const path = join(folder(), 'audit.jsonl');
  expect(await record(path, `tcp://127.0.0.1:${port}`, 25)).toEqual([]);
  await vi.waitFor(() => expect(bytes.toString().match(/<109>1 /g)).toHaveLength(3), { timeout: 20_000 });
  const found = bytes
    .toString()
    .split(/\d+ <109>1 /)
    .slice(1)
    .map((text) => JSON.parse(text.slice(text.indexOf('{'))) as { note: string; size: number });
  expect(found.map(({ note }) => `${note}\n`).join('')).toBe(notes(path));
  expect(found.map(({ size }) => size)).toEqual([11, 22, 28]);
});

it('a place that is none is said at once', () => {
  for (const where of ['udp://127.0.0.1:1', 'ftp://example.org/', 'tcp://127.0.0.1', 'http://'])
    expect(() => placeAt(where, '/nowhere'), where).toThrow('--checkpoint-push');
  expect(existsSync('/nowhere')).toBe(false);
});

it('says no more than once a minute that a place takes nothing', async () => {
  const said: string[] = [];
  let attempts = 0;
  const place = {
    name: 'it',
    deliver: async () => {
      attempts += 1;
      if (attempts % 2 === 1) throw new Error('no');
    },
    close: () => {},
  };
  const pusher = new Pusher(place, CHECKPOINTS, (text) => said.push(text));
  for (const note of ['one', 'two']) {
    const done = attempts + 2;
    pusher.push(note);
    await vi.waitUntil(() => attempts === done, { timeout: 30_000 });
  }
  await pusher.close();
  expect(said).toEqual(['it does not take checkpoints (no); trying again.', 'it takes checkpoints again.']);
});
