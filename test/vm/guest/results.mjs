// What failed is in the log too, with its errno: the program's own record says what that was.
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export const per = 'handlers';
export const needs = ['c:failing-calls'];

/** A port of the loopback on which nothing listens (any more). */
async function closedPort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export default async function ({ assert, canary, monitor, work }) {
  const name = canary();
  const at = (what) => join(work, `${name}-${what}`);
  chmodSync(work, 0o755);
  writeFileSync(at('file'), '', { mode: 0o644 });
  writeFileSync(at('secret'), '', { mode: 0o600 });
  mkdirSync(at('folder'));
  symlinkSync(at('loop'), at('loop'));
  const port = await closedPort();

  const { code, stdout, stderr, log } = await monitor([
    'sh',
    '-c',
    '"$@" > "$0"',
    `${work}/record`,
    'failing-calls',
    work,
    name,
    String(port),
  ]);
  assert.equal(code, 0, stdout + stderr);

  const { readFileSync } = await import('node:fs');
  const record = readFileSync(`${work}/record`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  assert.equal(record.length, 17);
  for (const [type, syscall, errno, path] of record) {
    const where = path === '-' ? { dest_ip: '127.0.0.1', dest_port: port } : { path };
    log.one(type, { syscall, errno: Number(errno), ...where });
  }
}
