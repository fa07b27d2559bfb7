// Rules for one program among others, and rules over host names: by what the name server says when the policy is loaded,
// and by what it tells the tree later. With plaintext captured beside it, which shares the kernel with the verdicts.

import { createSocket } from 'node:dgram';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export const needs = ['dash', 'c:other-name'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 300;

/** An answer of one A record to whatever is asked (RFC 1035, 4.1). */
function answer(query, address) {
  const end = query.indexOf(0, 12) + 5;
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 6);
  head.writeUInt32BE(0, 8);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]);
  return Buffer.concat([head, query.subarray(12, end), record]);
}

/** Prints what each connection came to; the last name's until it is refused, since an answer may be later than its use. */
const CLIENT = `
  const { Resolver } = require('node:dns').promises;
  const { connect } = require('node:net');
  const { setTimeout: sleep } = require('node:timers/promises');
  const to = (host) => new Promise((resolve) => {
    const socket = connect(PORT, host, () => { socket.destroy(); resolve('open'); });
    socket.once('error', (error) => resolve(error.code));
  });
  (async () => {
    const results = { known: await to('127.0.0.7'), other: await to('127.0.0.8'), before: await to('127.0.0.9') };
    const resolver = new Resolver();
    resolver.setServers(['127.0.0.1']);
    results.told = (await resolver.resolve4('api.late.test'))[0];
    for (let i = 0; i < 200 && results.after !== 'EACCES'; i++) {
      results.after = await to('127.0.0.9');
      await sleep(50);
    }
    console.log(JSON.stringify(results));
  })();`;

export default async function ({ assert, canary, file, monitor, run, work }) {
  const key = file('key', `${canary()}\n`);
  const reader = join(work, 'reader');
  copyFileSync('/usr/bin/dash', reader);
  appendFileSync('/etc/hosts', '127.0.0.7 known.test\n');
  const server = createServer((socket) => socket.destroy());
  await new Promise((resolve) => server.listen(0, '0.0.0.0', resolve));
  const dns = createSocket('udp4', (query, { port, address }) => dns.send(answer(query, '127.0.0.9'), port, address));
  await new Promise((resolve) => dns.bind(53, '127.0.0.1', resolve));

  const policy = file(
    'policy.yaml',
    `
version: "1.0"
mode: enforce
resolvers: ["127.0.0.1"]
policies:
  - {name: closed, match: {path: ["${key}"]}, action: BLOCK}
  - {name: own, match: {path: ["${key}"], access: [read], exe: ["${reader}"]}, action: ALLOW}
  - {name: known, match: {destination_domain: ["known.test"]}, action: BLOCK, errno: EACCES}
  - {name: late, match: {destination_domain: ["*.late.test"]}, action: BLOCK, errno: EACCES}
`,
  );
  const client = file('client.cjs', CLIENT.replace('PORT', String(server.address().port)));
  const say = (what) => `${what} && echo yes || echo no`;
  const script = file(
    'all.sh',
    `
(${say(`read x < ${key}`)}) 2>/dev/null
${reader} -c '${say(`read x < ${key}`)}' 2>/dev/null
${reader} -c '(${say(`echo x >> ${key}`)})' 2>/dev/null
${reader} -c "dash -c '(${say(`read x < ${key}`)})'; true" 2>/dev/null
other-name ${reader} ${key}
exec node ${client}
`,
  );
  const [said, read] = (await run('other-name', [reader, key])).stdout.split(' ').map(Number);
  assert.deepEqual([said, read], [0, 0], 'a process cannot say that it runs another program');
  const before = readFileSync(key, 'utf8');
  const { code, stdout, stderr, log } = await monitor(['dash', script], { enforce: policy, args: ['--capture-tls'] });
  server.close();
  dns.close();
  assert.equal(code, 0, stdout + stderr);
  const lines = stdout.trim().split('\n');
  assert.deepEqual(lines.slice(0, 5), ['no', 'yes', 'no', 'no', '1 1'], stdout + stderr);
  log.one('kernel_tamper', { action: 'BLOCKED', policy_rule: 'self_protection.kernel', comm: 'other-name' });
  assert.equal(readFileSync(key, 'utf8'), before);
  assert.deepEqual(JSON.parse(lines[5]), {
    known: 'EACCES',
    other: 'open',
    before: 'open',
    told: '127.0.0.9',
    after: 'EACCES',
  });
  log.some('file_open', { action: 'BLOCKED', path: key, exe: '/usr/bin/dash', policy_rule: 'closed', errno: 1 });
  log.some('file_open', { action: 'BLOCKED', path: key, exe: reader, access: 'write', policy_rule: 'closed' });
  log.none('file_open', { action: 'BLOCKED', path: key, exe: reader, access: 'read' });
  log.some('network_connect', { action: 'BLOCKED', dest_ip: '127.0.0.7', policy_rule: 'known', errno: 13 });
  log.some('network_connect', { action: 'BLOCKED', dest_ip: '127.0.0.9', policy_rule: 'late', errno: 13 });
  const notes = log.of('policy_loaded')[0].notes.join();
  assert.match(notes, /Best effort.*known, late/);
}
