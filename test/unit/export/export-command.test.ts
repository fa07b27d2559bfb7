// agentgov export as it is used: to stdout, to a syslog receiver, on a log that grows.
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Digests } from '../../../src/audit/digests.js';
import { AuditWriter } from '../../../src/audit/index.js';
import { exportCommand } from '../../../src/commands/export.js';
import { event, folder, logFile, makeLines } from '../audit/logs.js';
import { HOSTILE, logOf } from './records.js';

interface Run {
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<unknown>;
}

/** Starts the command; `ended` resolves with what it threw. */
function start(...args: string[]): Run {
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((chunk, ...rest: unknown[]) => {
      text[name] += String(chunk);
      const done = rest.find((argument) => typeof argument === 'function');
      if (done) queueMicrotask(done as () => void);
      return true;
    });
  }
  const ended = exportCommand()
    .exitOverride()
    .parseAsync(['node', 'export', ...args])
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  return { out: () => text.stdout, err: () => text.stderr, ended };
}

async function run(...args: string[]): Promise<{ out: string; error: unknown }> {
  const started = start(...args);
  const error = await started.ended;
  return { out: started.out(), error };
}

// Many processes of other tests may run beside this one.
vi.setConfig({ testTimeout: 60_000 });
afterEach(() => vi.restoreAllMocks());

/** A receiver that keeps all bytes that came over each connection. */
async function receiver(server: Server): Promise<{ port: number; got: Buffer[]; sockets: Socket[] }> {
  const got: Buffer[] = [];
  const sockets: Socket[] = [];
  const take = (socket: Socket): void => {
    const index = got.push(Buffer.alloc(0)) - 1;
    sockets.push(socket);
    socket.on('data', (bytes: Buffer) => {
      got[index] = Buffer.concat([got[index] ?? Buffer.alloc(0), bytes]);
    });
    socket.on('error', () => {});
  };
  server.on(server.listenerCount('tlsClientError') > 0 ? 'secureConnection' : 'connection', take);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, got, sockets };
}

/** The messages of a stream, by their lengths alone. */
function messages(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(' ', at);
    const length = Number(bytes.toString('latin1', at, space));
    expect(length).toBeGreaterThan(0);
    found.push(bytes.toString('utf8', space + 1, space + 1 + length));
    at = space + 1 + length;
  }
  return found;
}

const seqsOf = (texts: string[]): number[] =>
  texts.map((text) => (JSON.parse(text) as { agentgov: { seq: number } }).agentgov.seq);
const linesOf = (text: string): string[] => text.split('\n').slice(0, -1);

describe('agentgov export', () => {
  it('writes every event of a log, packed and rotated files too', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { rotateBytes: 4000 });
    for (let index = 0; index < 60; index += 1) writer.append(event(index));
    await writer.close();
    execFileSync('gzip', [join(dirname(path), 'audit-000002.jsonl')]);
    for (const named of [dirname(path), path]) {
      const { out, error } = await run(named, '--to', 'ecs');
      expect(error).toBeUndefined();
      expect(seqsOf(linesOf(out))).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    }
    const { list } = await Digests.read(path);
    const one = await run(join(dirname(path), 'audit-000002.jsonl.gz'), '--to', 'ecs');
    expect(seqsOf(linesOf(one.out)).at(0)).toBe(list[1]?.first_seq);
    expect(seqsOf(linesOf(one.out)).at(-1)).toBe(list[1]?.last_seq);
    const rest = await run(dirname(path), '--to', 'ecs', '--from', '58');
    expect(seqsOf(linesOf(rest.out))).toEqual([58, 59, 60]);
  });

  it('gives a table its head, also when it is empty', async () => {
    const { out } = await run(logFile(''), '--to', 'csv');
    expect(out).toMatch(/^seq,timestamp,[a-z_0-9,]+,other\r\n$/);
    expect(linesOf((await run(logFile(makeLines(2)), '--to', 'csv')).out)[0]).toMatch(/^seq,/);
  });

  it('exports nothing of a log that does not hold, and names the line', async () => {
    const lines = makeLines(30);
    const bad = logFile(lines.with(11, (lines[11] ?? '').replace('docs', 'dogs')));
    const { out, error } = await run(bad, '--to', 'cef');
    expect(out).toBe('');
    expect(error).toMatchObject({ exitCode: 1, message: expect.stringContaining('line 12') });
    const cut = await run(logFile(`${makeLines(3).join('\n')}\n{"half`), '--to', 'cef');
    expect(cut).toMatchObject({ out: '', error: { exitCode: 1 } });
  });

  it('says what it cannot do', async () => {
    const path = logFile(makeLines(2));
    const wrong: string[][] = [
      [path, '--to', 'xml'],
      [path, '--to', 'csv', '--syslog', 'tcp://127.0.0.1:1'],
      [path, '--to', 'ecs', '--syslog', 'udp://127.0.0.1:1'],
      [path, '--to', 'ecs', '--syslog', 'tcp://127.0.0.1'],
      [path, '--to', 'ecs', '--syslog', 'tcp://127.0.0.1:99999'],
      [path, '--to', 'ecs', '--syslog', 'tcp://127.0.0.1:1'],
      [path, '--to', 'ecs', '--tls-ca', path],
      [path, '--to', 'ecs', '--from', '0'],
      [path, logFile(makeLines(2)), '--to', 'ecs'],
      [join(folder(), 'absent.jsonl'), '--to', 'ecs'],
    ];
    for (const args of wrong) expect((await run(...args)).error, args.join(' ')).toMatchObject({ exitCode: 2 });
  });

  it('refuses a line that it would have to change', async () => {
    const path = logFile('');
    const program = `
import hashlib, json, sys
e = {"seq": 1, "timestamp": "2026-04-14T09:23:01.234Z", "event_type": "x", "big": 2**60, "hash_prev": "0" * 64}
e["hash_self"] = hashlib.sha256(json.dumps(e, sort_keys=True).encode()).hexdigest()
open(sys.argv[1], "w").write(json.dumps(e, sort_keys=True) + "\\n")`;
    execFileSync('python3', ['-c', program, path]);
    const { error } = await run(path, '--to', 'ecs');
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining('its big') });
  });
});

describe('agentgov export --follow', () => {
  it('goes on with what the writer adds, over rotations, until it is told to end', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { rotateBytes: 3000 });
    writer.append(event(0));
    await writer.flush();
    const { out, ended } = start(path, '--to', 'ecs', '--follow');
    let count = 1;
    for (const until of [4, 30, 31, 90]) {
      while (count < until) writer.append(event(count++));
      await writer.flush();
      await vi.waitFor(() => expect(linesOf(out())).toHaveLength(until), { timeout: 20_000 });
    }
    expect(existsSync(join(dirname(path), 'audit-000003.jsonl'))).toBe(true);
    await writer.close();
    process.emit('SIGTERM');
    expect(await ended).toBeUndefined();
    expect(seqsOf(linesOf(out()))).toEqual(Array.from({ length: 90 }, (_, index) => index + 1));
  });

  it('ends at a line that does not hold, behind those that do', async () => {
    const lines = makeLines(12);
    const path = logFile(lines.slice(0, 3));
    const { out, ended } = start(path, '--to', 'ecs', '--follow');
    await vi.waitFor(() => expect(linesOf(out())).toHaveLength(3), { timeout: 20_000 });
    appendFileSync(path, `${lines[3]}\n${lines[4]}\n${lines[6]}\n`);
    expect(await ended).toMatchObject({ exitCode: 1, message: expect.stringContaining('line 6 (seq is 7, not 6)') });
    expect(seqsOf(linesOf(out()))).toEqual([1, 2, 3, 4, 5]);
  });

  it('needs the file that is being written', async () => {
    const path = join(folder(), 'audit-000001.jsonl');
    copyFileSync(logFile(makeLines(2)), path);
    expect((await run(path, '--to', 'ecs', '--follow')).error).toMatchObject({ exitCode: 2 });
  });
});

describe('agentgov export --syslog', () => {
  const hostile = HOSTILE.map((text) => ({ event_type: 'file_open', path: text, comm: text }));

  it('sends messages of RFC 5424, each by its length', async () => {
    const { port, got } = await receiver(createServer());
    const path = await logOf([
      { event_type: 'session_start', host: 'a host\n' },
      ...hostile,
      { event_type: 'file_open', action: 'BLOCKED' },
    ]);
    for (const format of ['ecs', 'cef', 'ocsf']) {
      expect(await run(path, '--to', format, '--syslog', `tcp://127.0.0.1:${port}`)).toEqual({
        out: '',
        error: undefined,
      });
    }
    expect(got).toHaveLength(3);
    for (const bytes of got) {
      const all = messages(bytes);
      expect(all).toHaveLength(hostile.length + 2);
      expect(all[0]).toMatch(
        /^<110>1 2026-04-14T09:23:01\.234Z a_host_ agentgov 4000 session_start \[meta sequenceId="1"\] [{C]/,
      );
      expect(all.at(-1)).toMatch(/^<107>1 /);
      for (const message of all)
        expect(message).toMatch(/^<1\d\d>1 \S+ a_host_ agentgov 4000 \w+ \[meta sequenceId="\d+"\] /);
    }
    expect(seqsOf(messages(got[0] ?? Buffer.alloc(0)).map((text) => text.slice(text.indexOf('] ') + 2)))).toHaveLength(
      26,
    );
  });

  it('speaks to a local socket', async () => {
    const path = join(folder(), 'log.sock');
    const server = createServer();
    const got: Buffer[] = [];
    server.on('connection', (socket) => socket.on('data', (bytes: Buffer) => got.push(bytes)));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    expect((await run(logFile(makeLines(3)), '--to', 'cef', '--syslog', `unix://${path}`)).error).toBeUndefined();
    expect(messages(Buffer.concat(got))).toHaveLength(3);
  });

  it('speaks TLS to whom it can believe, and to nobody else', async () => {
    const place = folder();
    const [cert, key] = [join(place, 'cert.pem'), join(place, 'key.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        cert,
      ],
      { stdio: 'ignore' },
    );
    const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) });
    server.on('tlsClientError', () => {});
    const { port, got } = await receiver(server);
    const path = logFile(makeLines(5));
    const stranger = await run(path, '--to', 'ecs', '--syslog', `tls://127.0.0.1:${port}`);
    expect(stranger.error).toMatchObject({ exitCode: 2, message: expect.stringContaining('self-signed') });
    expect(got).toHaveLength(0);
    const known = await run(path, '--to', 'ecs', '--syslog', `tls://127.0.0.1:${port}`, '--tls-ca', cert);
    expect(known.error).toBeUndefined();
    expect(messages(got[0] ?? Buffer.alloc(0))).toHaveLength(5);
  });

  it('finds the receiver again when it was away, and misses nothing', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path);
    const first = createServer();
    const { port, got, sockets } = await receiver(first);
    const { ended, err } = start(path, '--to', 'ecs', '--follow', '--syslog', `tcp://127.0.0.1:${port}`);
    writer.append(event(0));
    await vi.waitFor(() => expect(messages(got[0] ?? Buffer.alloc(0))).toHaveLength(1), { timeout: 20_000 });
    first.close();
    for (const socket of sockets) socket.destroy();
    writer.append(event(1));
    await vi.waitFor(() => expect(err()).toContain('trying again'), { timeout: 20_000 });
    writer.append(event(2));
    const second = createServer();
    const later: Buffer[] = [];
    second.on('connection', (socket) => socket.on('data', (bytes: Buffer) => later.push(bytes)));
    await new Promise<void>((resolve) => second.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void second.close());
    const seen = (): Set<string> =>
      new Set(messages(Buffer.concat(later)).map((text) => /sequenceId="(\d+)"/.exec(text)?.[1] ?? ''));
    await vi.waitFor(() => expect([...seen()]).toEqual(expect.arrayContaining(['2', '3'])), { timeout: 20_000 });
    expect(err()).toContain('is back');
    process.emit('SIGTERM');
    expect(await ended).toBeUndefined();
    await writer.close();
  });

  it('says which event was the last when the receiver is lost', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const { port } = await receiver(server);
    const lines = makeLines(4000);
    const path = join(folder(), 'audit.jsonl');
    writeFileSync(path, `${lines.join('\n')}\n`);
    const { error } = await run(path, '--to', 'ecs', '--syslog', `tcp://127.0.0.1:${port}`);
    expect(error).toMatchObject({ exitCode: 4, message: expect.stringContaining('was lost') });
  });
});
