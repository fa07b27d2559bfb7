// Every TCP connection of the tree ends in a network_close with its bytes: one that it made and one that it accepted,
// before the attach and after it. The other ends are in this process, outside the tree.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseLog } from './lib/log.mjs';

const HOSTS = ['127.0.0.1', '::1'];

/** The tree: sends back as much as it gets, as a server and as a client, and ends with its standard input. */
const TREE = `
const { connect, createServer } = require('node:net');
const echo = (socket) => {
  socket.on('error', () => {});
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('end', () => socket.end());
};
const ports = process.argv.slice(1).map(Number);
const hosts = ${JSON.stringify(HOSTS)};
hosts.forEach((host, i) => echo(connect({ host, port: ports[i], allowHalfOpen: true })));
const servers = hosts.map((host) => createServer({ allowHalfOpen: true }, echo).listen(0, host));
Promise.all(servers.map((server) => new Promise((go) => server.once('listening', go)))).then(() =>
  console.log(servers.map((server) => server.address().port).join(' ')));
process.stdin.on('end', () => process.exit(0)).resume();
`;

/** This process's end of a connection. */
function end(socket) {
  let got = 0;
  socket.on('data', (chunk) => {
    got += chunk.length;
  });
  let sent = 0;
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return {
    async send(bytes) {
      sent += bytes;
      socket.write(Buffer.alloc(bytes));
      while (got < sent) await once(socket, 'data');
    },
    async close() {
      const closed = once(socket, 'close');
      socket.end();
      await closed;
      return [localAddress, localPort, remoteAddress, remotePort, sent, got];
    },
  };
}

async function reach(host, port) {
  const socket = connect(port, host);
  await once(socket, 'connect');
  return end(socket);
}

export const per = 'handlers';

export default async function ({ assert, artifacts, run, tier }) {
  const listening = HOSTS.map((host) => createServer().listen(0, host));
  await Promise.all(listening.map((server) => once(server, 'listening')));
  const made = listening.map((server) => once(server, 'connection'));
  const tree = spawn('node', ['-e', TREE, ...listening.map((server) => String(server.address().port))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: tree.stdout }), 'line');
  const ports = line.split(' ').map(Number);
  const before = (await Promise.all(made)).map(([socket]) => end(socket));
  for (const [i, host] of HOSTS.entries()) before.push(await reach(host, ports[i]));
  for (const one of before) await one.send(1000);

  const file = join(artifacts, 'audit.jsonl');
  const flags = tier === 'observe' ? ['--tier', 'observe'] : [];
  const monitor = run('agentgov', ['monitor', ...flags, '--output-file', file, '--pid', String(tree.pid)]);
  while (!existsSync(file) || !readFileSync(file, 'utf8').includes('"session_start"')) await sleep(100);
  const after = [];
  for (const [i, host] of HOSTS.entries()) after.push(await reach(host, ports[i]));
  const expected = [];
  for (const one of [...before, ...after]) {
    await one.send(20_000);
    expected.push(await one.close());
  }
  tree.stdin.end();
  const { code, stderr } = await monitor;
  for (const server of listening) server.close();
  assert.equal(code, 0, stderr);

  const log = parseLog(readFileSync(file, 'utf8'));
  const closes = log.of('network_close');
  const told = closes.map((event) => [
    event.dest_ip,
    event.dest_port,
    event.local_ip,
    event.local_port,
    event.bytes_in,
    event.bytes_out,
  ]);
  assert.deepEqual(told.map(String).sort(), expected.map(String).sort());
  for (const { pid } of closes) assert.equal(pid, tree.pid);
  log.none('events_lost', { class: 'network' });
}
