// Alerts on their way to real receivers, and to some that take none.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Alerts } from '../../../src/alerts/alerts.js';
import { placeOf } from '../../../src/alerts/sinks.js';
import { CommandPlace } from '../../../src/delivery/index.js';
import type { AgentEvent } from '../../../src/events/index.js';
import type { Sink } from '../../../src/policy/index.js';
import { canary, scratch } from '../../support/scratch.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = scratch();
const eventOf = (path: string): AgentEvent =>
  ({ agent_id: 'a', event_type: 'file_open', action: 'BLOCKED', policy_rule: 'closed', path, seq: 3 }) as AgentEvent;

/** Tells this sink of one event, and waits for it as the end of a session does. @returns what was said */
async function tell(event: AgentEvent, sink: Sink, patienceMs?: number): Promise<string[]> {
  const said: string[] = [];
  const alerts = new Alerts((text) => said.push(text));
  alerts.follow([sink]);
  alerts.tell(event);
  await alerts.close(patienceMs);
  return said;
}

interface Posted {
  headers: IncomingMessage['headers'];
  url: string | undefined;
  body: string;
}

/** A server that answers with the next of these, the last one for ever. */
async function httpServer(...statuses: number[]): Promise<{ port: number; posted: Posted[] }> {
  const posted: Posted[] = [];
  const server = createHttp((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posted.push({ headers: request.headers, url: request.url, body: Buffer.concat(chunks).toString() });
      const status = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 200;
      response.writeHead(status, { location: 'http://127.0.0.1:9/elsewhere' }).end('words that nobody reads');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, posted };
}

describe('a webhook', () => {
  it('gets the alert as JSON, with the credentials of its URL, which nobody is told', async () => {
    const [user, password, path] = [canary(), canary(), canary()];
    const { port, posted } = await httpServer(200);
    const word = canary();
    const webhook = `http://${user}:${password}@127.0.0.1:${port}/services/${path}?key=1`;
    expect(await tell(eventOf(`/srv/${word}`), { webhook })).toEqual([]);
    expect(posted).toHaveLength(1);
    const [{ headers, url, body } = { headers: {}, url: '', body: '' }] = posted;
    expect(url).toBe(`/services/${path}?key=1`);
    expect(headers['content-type']).toBe('application/json');
    expect(Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString()).toBe(
      `${user}:${password}`,
    );
    expect(JSON.parse(body)).toMatchObject({ rule: 'closed', count: 1, event: { path: `/srv/${word}`, seq: 3 } });
    const { name } = placeOf({ webhook });
    for (const secret of [user, password, path]) expect(name).not.toContain(secret);
  });

  it('gets it again until it takes it, and both is said once', async () => {
    const { port, posted } = await httpServer(500, 200);
    const place = `the webhook at http://127.0.0.1:${port}`;
    expect(await tell(eventOf('/x'), { webhook: `http://127.0.0.1:${port}/${canary()}` })).toEqual([
      `${place} does not take alerts (it answered 500); trying again.`,
      `${place} takes alerts again.`,
    ]);
    expect(posted).toHaveLength(2);
  });

  it('is not followed to where it points', async () => {
    const { port, posted } = await httpServer(307);
    const said = await tell(eventOf('/x'), { webhook: `http://127.0.0.1:${port}/` }, 500);
    expect(said[0]).toContain('does not take alerts (unexpected redirect)');
    expect(said.at(-1)).toBe(
      `1 alerts did not reach the webhook at http://127.0.0.1:${port}; their events are in the log.`,
    );
    expect(posted.length).toBeGreaterThan(0);
  });

  it('holds up nobody when it never answers', async () => {
    const server = createServer(() => {});
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const said: string[] = [];
    const alerts = new Alerts((text) => said.push(text));
    alerts.follow([{ webhook: `http://127.0.0.1:${port}/` }]);
    for (let rule = 0; rule < 5000; rule++) alerts.tell({ ...eventOf('/x'), policy_rule: `r${rule}` });
    await alerts.close(500);
    const given = 'beyond 1000 the oldest are given up.';
    expect(said.filter((text) => text.endsWith(given))).toHaveLength(1);
    expect(said.at(-1)).toMatch(/^5000 alerts did not reach /);
  });
});

describe('syslog', () => {
  it('gets it over UDP, one message a packet, as RFC 5424 has it', async () => {
    const socket = createSocket('udp4');
    onTestFinished(() => void socket.close());
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const message = once(socket, 'message');
    expect(await tell(eventOf('/a\nb'), { syslog: `udp://127.0.0.1:${socket.address().port}` })).toEqual([]);
    const text = String((await message)[0]);
    expect(text).toMatch(/^<108>1 \S+ \S+ agentgov \d+ alert \[meta sequenceId="1"\] \{[ -~]+\}$/);
    expect(JSON.parse(text.slice(text.indexOf('{')))).toMatchObject({ rule: 'closed', event: { path: '/a\nb' } });
  });

  it('gets it over TCP, framed by its length', async () => {
    const received = new Promise<string>((resolve) => {
      const server = createServer((socket) => {
        const chunks: Buffer[] = [];
        socket.on('data', (chunk) => chunks.push(chunk));
        socket.on('end', () => resolve(Buffer.concat(chunks).toString()));
      });
      onTestFinished(() => void server.close());
      server.listen(0, '127.0.0.1', async () => {
        const { port } = server.address() as AddressInfo;
        expect(await tell(eventOf('/x'), { syslog: `tcp://127.0.0.1:${port}` })).toEqual([]);
      });
    });
    const [, length, message] = /^(\d+) (.*)$/s.exec(await received) ?? [];
    expect(Number(length)).toBe(Buffer.byteLength(message ?? ''));
    expect(message).toMatch(/^<108>1 .* alert /);
  });

  it("gets it on this machine's own socket, whole", async () => {
    const path = join(folder, 'log');
    const listen = `import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(${JSON.stringify(path)}); print("ready", flush=True); print(s.recv(1 << 16).decode())`;
    const receiver = spawn('python3', ['-c', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void receiver.kill('SIGKILL'));
    const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]();
    await lines.next();
    const text = JSON.stringify({ word: canary(), long: 'x'.repeat(7000) });
    await placeOf({ syslog: 'local' }, path).deliver(text);
    const message = String((await lines.next()).value);
    // authpriv.warning
    expect(message).toMatch(/^<84>.* agentgov: \{/);
    expect(message.endsWith(text)).toBe(true);
  });

  it('is said to be missing where nobody listens', async () => {
    await expect(placeOf({ syslog: 'local' }, join(folder, 'nobody')).deliver('{}')).rejects.toThrow('it ended with 1');
  });
});

describe('a command', () => {
  /** A program that puts its input, its arguments and its environment into files, and what else it is told to do. */
  function program(more = ''): { argv: [string, ...string[]]; read: (what: string) => string } {
    const at = join(folder, canary());
    writeFileSync(at, `#!/bin/sh\ncat > ${at}.in\nenv > ${at}.env\npwd > ${at}.pwd\necho "$@" > ${at}.args\n${more}`);
    chmodSync(at, 0o755);
    return { argv: [at, 'one', '$(touch /tmp/no); two'], read: (what) => readFileSync(`${at}.${what}`, 'utf8') };
  }

  it('gets the alert on its standard input, by its arguments and no shell, with an environment of its own', async () => {
    const { argv, read } = program();
    process.env.ALERT_SECRET = canary();
    expect(await tell(eventOf('/srv/$(id)\n'), { command: argv })).toEqual([]);
    expect(read('in').split('\n')).toHaveLength(2);
    expect(JSON.parse(read('in'))).toMatchObject({ rule: 'closed', event: { path: '/srv/$(id)\n' } });
    expect(read('args')).toBe('one $(touch /tmp/no); two\n');
    expect(read('env')).not.toContain(process.env.ALERT_SECRET);
    expect(read('pwd')).toBe('/\n');
  });

  it('is told again when it fails, and that is said', async () => {
    const { argv } = program('exit 3');
    const said = await tell(eventOf('/x'), { command: argv }, 500);
    expect(said[0]).toBe(`the command ${argv[0]} does not take alerts (it ended with 3); trying again.`);
  });

  it('is killed with all that it started when it does not end', async () => {
    const { argv, read } = program();
    writeFileSync(`${argv[0]}`, `#!/bin/sh\nsleep 1000 & echo $! > ${argv[0]}.child\nwait\n`);
    await expect(new CommandPlace('it', argv, 500).deliver('{}')).rejects.toThrow('it did not end within 0.5 s');
    const child = Number(read('child'));
    expect(child).toBeGreaterThan(1);
    await vi.waitUntil(() => !existsSync(`/proc/${child}`) || / Z /.test(readFileSync(`/proc/${child}/stat`, 'utf8')));
  });

  it('need not read what it gets', async () => {
    expect(await tell(eventOf('/x'), { command: ['/bin/true'] })).toEqual([]);
  });
});

describe('another policy', () => {
  it('tells others, and those before get what they had been promised', async () => {
    const [old, next] = [await httpServer(500, 200), await httpServer(200)];
    const alerts = new Alerts(() => {});
    alerts.follow([{ webhook: `http://127.0.0.1:${old.port}/` }]);
    alerts.tell(eventOf('/one'));
    alerts.follow([{ webhook: `http://127.0.0.1:${next.port}/` }]);
    alerts.tell({ ...eventOf('/two'), policy_rule: 'other' });
    await alerts.close();
    expect(old.posted.map(({ body }) => JSON.parse(body).event.path)).toEqual(['/one', '/one']);
    expect(next.posted.map(({ body }) => JSON.parse(body).event.path)).toEqual(['/two']);
  });

  it('tells nobody where it names nobody', async () => {
    const alerts = new Alerts(() => {});
    alerts.follow([]);
    alerts.tell(eventOf('/one'));
    await alerts.close();
  });
});
