// Ways around a policy (lib/bypass-ways.mjs): each leads there while nothing is enforced, and nowhere under a policy that
// forbids it or one that does not allow it, but for those that are said to be open. What was stopped is in the log, with
// its rule. docs/bypass.md is made from the figures.
import { createSocket } from 'node:dgram';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { release } from 'node:os';
import { join } from 'node:path';
import { makeScene, POLICIES } from './lib/bypass-scene.mjs';
import { WAYS } from './lib/bypass-ways.mjs';
import { isBefore } from './lib/release.mjs';
import { UNTOLD, waysOf } from './lib/ways.mjs';

export const needs = ['c:bypass', 'dash'];
export const variants = ['lsm', 'hook'];
export const per = 'run';
export const timeout = 900;

const EPERM = 1;
const EACCES = 13;
/** By the rule's own `errno`. */
const errnoOf = (rule) => (rule === 'closed_address' ? EACCES : EPERM);

const PACKETS = { name: 'packets', match: { protocol: ['raw', 'packet'] }, action: 'BLOCK' };

/** Who listens at the addresses that are forbidden: connections by their number, datagrams by the way that sent them. */
async function receive(run) {
  let connections = 0;
  const datagrams = new Set();
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.destroy();
  });
  await new Promise((resolve) => server.listen(0, '::', resolve));
  const { port } = server.address();
  for (const address of ['192.0.2.2/32', 'fd00::2/128']) await run('ip', ['addr', 'add', address, 'dev', 'lo']);
  let mark = () => {};
  const sockets = ['127.0.0.2', '192.0.2.2'].map((address) => {
    const udp = createSocket('udp4');
    udp.on('message', (text) => (String(text) === 'mark' ? mark() : datagrams.add(String(text))));
    return new Promise((resolve) => udp.bind(port, address, () => resolve(udp)));
  });
  const udp = await Promise.all(sockets);
  return {
    port,
    /** What came since the last time, all of it: a datagram of one's own is behind what was sent before. */
    async taken() {
      for (const socket of udp) {
        await new Promise((resolve) => {
          mark = resolve;
          socket.send('mark', port, socket.address().address);
        });
      }
      const came = { connections, datagrams: [...datagrams].sort() };
      connections = 0;
      datagrams.clear();
      return came;
    },
    close() {
      server.close();
      for (const socket of udp) socket.close();
    },
  };
}

export default async function ({ assert, file, figure, monitor, run, work }) {
  const receiver = await receive(run);
  // same_device: device nodes work there, as on most machines' disks.
  await run('mount', ['-o', 'remount,dev', '/tmp']);
  const ways = WAYS.filter(({ since }) => since === undefined || !isBefore(release(), since));
  const sends = (open) => ways.map(({ name }) => name).filter((name) => name.startsWith('send_') && open(name));

  const namesOf = (some) => some.map(({ name }) => name);

  /** All ways, or these, over a fresh folder, by `go`: Map of name -> { errno, pid }, and what else that gave. */
  async function tryAll(kind, go, names = []) {
    const dir = join(work, kind);
    mkdirSync(dir);
    const scene = await makeScene(dir, run);
    try {
      const result = await go(['bypass', dir, String(receiver.port), String(scene.outsider), ...names], dir);
      const found = waysOf(result.stdout);
      const tried = names.length > 0 ? names : namesOf(WAYS);
      assert.deepEqual([...found.keys()].sort(), [...tried].sort(), result.stdout + result.stderr);
      return { ...result, dir, found, errnoOf: ({ name }) => found.get(name).errno, taken: await receiver.taken() };
    } finally {
      scene.close();
    }
  }

  // Without a policy each of them leads there: else it would show nothing that it leads nowhere with one.
  const free = await tryAll('free', ([program, ...args]) => run(program, args));
  const broken = ways.filter((way) => free.errnoOf(way) !== 0);
  assert.deepEqual(namesOf(broken), [], `ways that lead nowhere without a policy: ${free.stdout}${free.stderr}`);
  assert.deepEqual(free.taken.datagrams, sends(() => true).sort());

  const figures = {};
  for (const [kind, policy] of Object.entries(POLICIES)) {
    const isOpen = ({ open }) => open?.[kind] !== undefined;
    const closed = ways.filter((way) => !isOpen(way));
    const {
      dir,
      found,
      log,
      errnoOf: errno,
      taken,
      stdout,
      stderr,
    } = await tryAll(kind, (command, dir) => monitor(command, { enforce: file(`${kind}.yaml`, policy(dir)) }));
    // Who closes one of the others has to say so in the list.
    const through = ways.filter((way) => errno(way) === 0);
    assert.deepEqual(
      namesOf(through),
      namesOf(ways.filter(isOpen)),
      `${kind}: ways that led there: ${stdout}${stderr}`,
    );
    const odd = closed.filter((way) => errno(way) !== (way.untold ? UNTOLD : errnoOf(way[kind])));
    assert.deepEqual(namesOf(odd), [], `${kind}: ways that were stopped by something else: ${stdout}${stderr}`);
    for (const way of closed) {
      const { pid } = found.get(way.name);
      const told = log.events.filter(
        (event) => event.action === 'BLOCKED' && (event.pid === pid || event.ppid === pid) && event.policy_rule,
      );
      const by = told.map((event) => `${event.policy_rule} ${event.errno}`);
      const rule = `${way[kind]} ${errnoOf(way[kind])}`;
      assert.ok(by.includes(rule), `${kind}: ${way.name} (pid ${pid}) was told as ${by} and not as ${rule}`);
    }
    assert.deepEqual(taken, { connections: 0, datagrams: sends((name) => !namesOf(closed).includes(name)).sort() });
    assert.equal(readFileSync(join(dir, 'secret/cut'), 'utf8'), 'secret\n');
    figures[kind] = { stopped: namesOf(closed).join(' '), open: namesOf(through).join(' ') };
  }

  // In mode audit nothing is stopped, and the same is told.
  const audit = await tryAll('audit', (command, dir) =>
    monitor(command, { enforce: file('audit.yaml', POLICIES.deny(dir)), args: ['--mode', 'audit'] }),
  );
  assert.deepEqual(namesOf(ways.filter((way) => audit.errnoOf(way) !== 0)), [], 'stopped in mode audit');
  audit.log.none('file_open', { action: 'BLOCKED' });
  audit.log.some('file_open', { action: 'WOULD_BLOCK', policy_rule: 'closed' });

  // What docs/threat-model.md advises against packets that carry their own address.
  const advised = ['send_header', 'send_packet'];
  const policy = { version: '1.0', mode: 'enforce', policies: [PACKETS] };
  const packets = await tryAll(
    'packets',
    (command) => monitor(command, { enforce: file('packets.yaml', JSON.stringify(policy)) }),
    advised,
  );
  assert.deepEqual(
    [...packets.found.values()].map(({ errno }) => errno),
    [EPERM, EPERM],
    packets.stdout + packets.stderr,
  );
  assert.deepEqual(packets.taken.datagrams, []);
  receiver.close();
  const missing = WAYS.filter((way) => !ways.includes(way));
  console.log(`ways: ${WAYS.length}, of which this kernel has not ${missing.length} (${namesOf(missing)})`);
  figure('ways', { ...figures, missing: namesOf(missing).join(' ') });
}
