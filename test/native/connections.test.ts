// Every TCP connection of the tree ends in a network_close: the accepted ones too, and those that were there before
// agentgov. The other ends are in the test's own process, outside the tree, and count for themselves.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { random } from '../scale.js';
import {
  AF_INET,
  AF_INET6,
  canary,
  type Done,
  doneByLabel,
  type Event,
  inet4,
  inet6,
  killTree,
  loopback6,
  NR,
  program,
  readRecord,
  result,
  Script,
  SHUT_WR,
  STREAM,
  scratch,
  startMonitor,
} from '../support/index.js';

const folder = scratch();
const draw = random('connections');
const some = (): number => 1 + Math.floor(draw() * 200_000);

/** What one end of a connection knows of it. */
interface End {
  dest_ip: string;
  dest_port: number;
  local_ip: string;
  local_port: number;
  bytes_in: number;
  bytes_out: number;
}

/** A connection of the tree, as its other end, which is ours, has it. */
function seenFrom(socket: Socket): Omit<End, 'bytes_in' | 'bytes_out'> {
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
  return { dest_ip: localAddress, dest_port: localPort, local_ip: remoteAddress, local_port: remotePort };
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Connects as soon as somebody listens. */
async function reach(host: string, port: number): Promise<Socket> {
  for (;;) {
    const socket = connect({ host, port, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      await sleep(20);
    }
  }
}

/** Sends, reads to the end, closes: what the tree's end of it must say. */
async function converse(socket: Socket, bytes: number): Promise<End> {
  const where = seenFrom(socket);
  let received = 0;
  socket.on('data', (chunk) => {
    received += chunk.length;
  });
  socket.on('error', () => {});
  const ended = once(socket, 'end');
  const closed = once(socket, 'close');
  if (bytes > 0) socket.end(Buffer.alloc(bytes, 'c'));
  await ended;
  if (bytes === 0) socket.end();
  await closed;
  return { ...where, bytes_in: bytes, bytes_out: received };
}

/** Sends and breaks off: so little that all of it has arrived by then. */
async function breakOff(socket: Socket): Promise<End> {
  const where = seenFrom(socket);
  const bytes = 1 + Math.floor(draw() * 1000);
  await new Promise((resolve) => socket.write(Buffer.alloc(bytes, 'x'), resolve));
  socket.resetAndDestroy();
  await once(socket, 'close');
  return { ...where, bytes_in: bytes, bytes_out: 0 };
}

function listener(script: Script, name: string, family: number, at: Buffer): Script {
  return script
    .call(`${name}-socket=${name}`, NR.socket, family, STREAM, 0)
    .call(`${name}-bind`, NR.bind, result(name), at, at.length)
    .call(`${name}-listen`, NR.listen, result(name), 5);
}

const ends = (events: readonly Event[]): (End & { pid: number })[] =>
  events
    .filter(({ event_type }) => event_type === 'network_close')
    .map(({ pid, dest_ip = '', dest_port = 0, local_ip = '', local_port = 0, bytes_in = -1, bytes_out = -1 }) => ({
      pid,
      dest_ip,
      dest_port,
      local_ip,
      local_port,
      bytes_in,
      bytes_out,
    }));

const byPort = (a: End, b: End): number => a.dest_port - b.dest_port || a.local_port - b.local_port;

function written(script: Script): { file: string; done: () => Map<string, Done> } {
  const file = join(folder, canary());
  writeFileSync(file, script.toString());
  return { file, done: () => doneByLabel(readRecord(`${file}.record`)) };
}

const of = (done: Map<string, Done>, label: string): number => done.get(label)?.pid ?? 0;

describe('accepted connections', () => {
  it('end with their bytes, whoever closes, and however', async () => {
    const port4 = await freePort('127.0.0.1');
    const port6 = await freePort('::1');
    const own = await freePort('127.0.0.1');
    const reply = { plain: some(), six: some(), first: some(), killed: some() };
    const script = new Script();
    listener(script, 'a', AF_INET, inet4('127.0.0.1', port4));
    listener(script, 'b', AF_INET6, inet6(loopback6, port6));
    const serve = (to: Script, name: 'plain' | 'six' | 'killed', on: string): Script =>
      to
        .call(`${name}=c`, NR.accept4, result(on), 0, 0, 0)
        .recv(`${name}-recv`, result('c'))
        .send(`${name}-send`, result('c'), reply[name]);
    serve(script, 'plain', 'a').call('plain-close', NR.close, result('c'));
    serve(script, 'six', 'b').call('six-close', NR.close, result('c'));
    script
      .call('first=c', NR.accept4, result('a'), 0, 0, 0)
      .send('first-send', result('c'), reply.first)
      .call('first-shutdown', NR.shutdown, result('c'), SHUT_WR)
      .call('first-close', NR.close, result('c'))
      .fork('killed-child', (child) => serve(child, 'killed', 'a').raise(9))
      .call('reset=c', NR.accept4, result('a'), 0, 0, 0)
      .recv('reset-recv', result('c'))
      .call('reset-close', NR.close, result('c'))
      // A socket that calls its own port is both ends at once (simultaneous open).
      .call('self-socket=s', NR.socket, AF_INET, STREAM, 0)
      .call('self-bind', NR.bind, result('s'), inet4('127.0.0.1', own), 16)
      .call('self', NR.connect, result('s'), inet4('127.0.0.1', own), 16)
      .send('self-send', result('s'), 11)
      .call('self-shutdown', NR.shutdown, result('s'), SHUT_WR)
      .recv('self-recv', result('s'))
      .call('self-close', NR.close, result('s'))
      // The end of an earlier connection may come after its process's close: somebody of the tree has to be there.
      .call('last=c', NR.accept4, result('a'), 0, 0, 0)
      .recv('last-recv', result('c'));
    const { file, done } = written(script);
    const monitor = startMonitor(['--', program('syscalls'), `${file}.record`, file]);
    // One after the other: the script accepts in this order.
    const plain = await converse(await reach('127.0.0.1', port4), some());
    const six = await converse(await reach('::1', port6), some());
    const first = await converse(await reach('127.0.0.1', port4), 0);
    const killed = await converse(await reach('127.0.0.1', port4), some());
    const reset = await breakOff(await reach('127.0.0.1', port4));
    const last = await converse(await reach('127.0.0.1', port4), 7);
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);
    expect([plain, six, first, killed].map(({ bytes_out }) => bytes_out)).toEqual(Object.values(reply));
    const here = { dest_ip: '127.0.0.1', dest_port: own, local_ip: '127.0.0.1', local_port: own };
    const self = { ...here, bytes_in: 11, bytes_out: 11 };
    const root = of(done(), 'plain');
    const expected = [plain, six, first, reset, self, last].map((end) => ({ ...end, pid: root }));
    expected.push({ ...killed, pid: of(done(), 'killed') });
    expect(ends(session.events).sort(byPort)).toEqual(expected.sort(byPort));
    expect(session.events.filter(({ event_type }) => event_type === 'events_lost')).toEqual([]);
  });
});

/** A server of the test: answers with `reply` bytes once the other side has ended. */
async function server(host: string, reply: number): Promise<{ port: number; served: Promise<End>; close: () => void }> {
  const listening = createServer({ allowHalfOpen: true }).listen(0, host);
  await once(listening, 'listening');
  const served = (async (): Promise<End> => {
    const [socket] = (await once(listening, 'connection')) as [Socket];
    const where = seenFrom(socket);
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    await once(socket, 'end');
    const closed = once(socket, 'close');
    socket.end(Buffer.alloc(reply, 's'));
    await closed;
    return { ...where, bytes_in: reply, bytes_out: received };
  })();
  return { port: (listening.address() as AddressInfo).port, served, close: () => listening.close() };
}

/** Runs a script that is attached to when it says "ready"; `before` happens until it may go on, its input ends with `after`. */
async function attached(
  script: Script,
  before: () => Promise<unknown>,
  after: () => Promise<unknown>,
): Promise<{ events: Event[]; done: Map<string, Done> }> {
  const { file, done } = written(script);
  const child: ChildProcess = spawn(program('syscalls'), [`${file}.record`, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    if (child.stdout === null || child.pid === undefined) throw new Error('the script did not start');
    await once(child.stdout, 'data');
    const monitor = startMonitor(['--pid', String(child.pid)]);
    await monitor.seen(({ event_type }) => event_type === 'session_start');
    await before();
    child.stdin?.write('\n');
    await after();
    child.stdin?.end();
    const session = await monitor.finish();
    expect(session.code, session.stderr).toBe(0);
    return { events: session.events, done: done() };
  } finally {
    if (child.pid !== undefined) killTree(child.pid);
  }
}

describe('connections that were there before', () => {
  it('end with the bytes of their whole life, and so does one that broke off before it was accepted', async () => {
    const port4 = await freePort('127.0.0.1');
    const to4 = await server('127.0.0.1', some());
    const to6 = await server('::1', some());
    const before = some();
    const after = some();
    const script = new Script();
    listener(script, 'a', AF_INET, inet4('127.0.0.1', port4))
      .call('four-socket=s', NR.socket, AF_INET, STREAM, 0)
      .call('four', NR.connect, result('s'), inet4('127.0.0.1', to4.port), 16)
      .send('four-before', result('s'), before)
      .call('six-socket=t', NR.socket, AF_INET6, STREAM, 0)
      .call('six', NR.connect, result('t'), inet6(loopback6, to6.port), 28)
      .call('accepted=c', NR.accept4, result('a'), 0, 0, 0)
      .send('accepted-before', result('c'), before)
      .ready()
      .call('broken=e', NR.accept4, result('a'), 0, 0, 0)
      .send('accepted-after', result('c'), after)
      .call('accepted-shutdown', NR.shutdown, result('c'), SHUT_WR)
      .recv('accepted-recv', result('c'));
    for (const [label, socket] of [
      ['four', 's'],
      ['six', 't'],
    ] as const)
      script
        .send(`${label}-after`, result(socket), after)
        .call(`${label}-shutdown`, NR.shutdown, result(socket), SHUT_WR)
        .recv(`${label}-recv`, result(socket));
    const accepted = reach('127.0.0.1', port4).then((socket) => converse(socket, 0));
    let broken: End | undefined;
    const served = Promise.all([to4.served, to6.served]);
    const { events, done } = await attached(
      script,
      async () => {
        broken = await breakOff(await reach('127.0.0.1', port4));
      },
      () => served,
    );
    const [four, six] = await served;
    to4.close();
    to6.close();
    expect(done.get('broken')?.status).toBe(0);
    const expected = [await accepted, broken as End, four, six].map((end) => ({ ...end, pid: of(done, 'four') }));
    expect(expected.map(({ bytes_out }) => bytes_out)).toEqual([before + after, 0, before + after, after]);
    expect(ends(events).sort(byPort)).toEqual(expected.sort(byPort));
  });

  it('end so when their process is killed', async () => {
    const to = await server('127.0.0.1', 0);
    const bytes = some();
    const script = new Script()
      .fork('child', (child) =>
        child
          .call('socket=s', NR.socket, AF_INET, STREAM, 0)
          .call('connect', NR.connect, result('s'), inet4('127.0.0.1', to.port), 16)
          .send('send', result('s'), bytes)
          .ready()
          .raise(9),
      )
      // The server ends it after the kill: somebody of the tree has to be there until then.
      .recv('wait', 0);
    const { events, done } = await attached(
      script,
      async () => {},
      () => to.served,
    );
    const end = await to.served;
    to.close();
    expect(end.bytes_out).toBe(bytes);
    expect(done.get('child')?.status).toBe(-9);
    expect(ends(events)).toEqual([{ ...end, pid: of(done, 'connect') }]);
  });
});
