// Plaintext of a TLS library and of HTTP without one on this kernel: what a governed client wrote and read, and nothing
// of another one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { startLoader } from './lib/loader.mjs';

export const needs = ['openssl', 'curl'];
export const product = 'loader';
export const variants = ['hook']; // the programs are the same in every tier, and emulated cryptography is slow
export const timeout = 240;

export default async function ({ assert, canary, figure, file, run, tier, work }) {
  const [cert, key] = [join(work, 'cert.pem'), join(work, 'key.pem')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const config = file('openssl.cnf', '[req]\ndistinguished_name = name\n[name]\n');
  const { code: done, stderr } = await run('openssl', [
    ...made,
    '-config',
    config,
    '-subj',
    '/CN=x',
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  assert.equal(done, 0, stderr);
  const answer = Buffer.alloc(40_000, 'answer');
  const serve = (request, response) => {
    request.resume();
    request.on('end', () => response.end(answer));
  };
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, serve);
  const plain = createPlain(serve);
  for (const one of [server, plain]) {
    one.listen(0, '127.0.0.1');
    await once(one, 'listening');
  }
  const [port, plainPort] = [server.address().port, plain.address().port];

  const errors = [];
  const flags = ['--agent-id', 'guest', '--capture-tls', ...(tier === 'observe' ? ['--tier', 'observe'] : [])];
  const loader = await startLoader(flags, errors);
  const [inside, outside] = [canary(), canary()];
  const body = join(work, 'body');
  await run('sh', ['-c', `head -c 100000 /dev/zero | tr '\\0' b > ${body}`]);
  const post = `curl -sk --http1.1 -o /dev/null --data-binary @${body}`;
  const curl = (word) => `${post} https://127.0.0.1:${port}/${word} && ${post} http://127.0.0.1:${plainPort}/${word}`;
  const shell = spawn('sh', ['-c', `read go; ${curl(inside)}; exit $?`], { stdio: ['pipe', 'ignore', 'inherit'] });
  const governing = await loader.send({ cmd: 'govern', pids: [shell.pid], id: 1 });
  assert.equal(governing.msg, 'governing', JSON.stringify(governing));
  const stranger = run('sh', ['-c', curl(outside)]);
  shell.stdin.end('go\n');
  const [status] = await once(shell, 'exit');
  assert.equal(status, 0);
  assert.equal((await stranger).code, 0);
  server.close();
  plain.close();
  const { code, lines } = await loader.quit();
  assert.equal(code, 0, errors.join(''));

  assert.deepEqual(
    lines.filter((line) => line.msg === 'lost' && line.class === 'tls'),
    [],
  );
  const begin = lines.filter(({ msg }) => msg === 'tls_begin');
  assert.deepEqual(
    begin.map(({ joined, library }) => [joined, library]),
    [
      [false, 'openssl'],
      [false, 'plain'],
    ],
  );
  const of = (connection, direction) => {
    const pieces = lines.filter((line) => line.connection === connection && line.direction === direction);
    for (const [n, piece] of pieces.entries())
      assert.equal(piece.offset, n === 0 ? 0 : pieces[n - 1].offset + pieces[n - 1].data.length);
    return Buffer.concat(pieces.map(({ data }) => data));
  };
  for (const [n, dest] of [port, plainPort].entries()) {
    const { connection } = begin[n];
    const [sent, received] = [of(connection, 'out'), of(connection, 'in')];
    figure(n === 0 ? 'bytes' : 'plain_bytes', sent.length + received.length);
    const [head, ...rest] = sent.toString('latin1').split('\r\n\r\n');
    assert.match(head, new RegExp(`^POST /${inside} HTTP/1.1\r\n`));
    assert.equal(rest.join(''), 'b'.repeat(100_000));
    assert.ok(received.subarray(-answer.length).equals(answer));
    const told = (msg) => lines.filter((line) => line.msg === msg && line.connection === connection);
    assert.deepEqual(
      told('tls_peer').map(({ dest_ip, dest_port }) => [dest_ip, dest_port]),
      [['127.0.0.1', dest]],
    );
    assert.equal(told('tls_end').length, 1);
  }
  assert.deepEqual(
    lines.filter(({ msg }) => msg === 'tls_hello').map(({ comm, dest_port }) => [comm, dest_port]),
    [['curl', port]],
  );
}
