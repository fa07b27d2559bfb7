// A shell script's every deed is in the log, once; what its neighbour does is not.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';

// By their paths: busybox's shell does the work of many of its programs itself when it is asked by name.
const SCRIPT = `
set -e
cd "$1"
name=$2 port=$3 bin=/usr/bin
$bin/cat "in-$name" > /dev/null
echo text > "new-$name"
$bin/mkdir "folder-$name"
$bin/mv "new-$name" "folder-$name/moved-$name"
$bin/ln "folder-$name/moved-$name" "hard-$name"
$bin/ln -s "folder-$name" "soft-$name"
$bin/chmod 0751 "hard-$name"
echo more >> "soft-$name/moved-$name"
$bin/truncate -s 3 "hard-$name"
$bin/rm "hard-$name" "folder-$name/moved-$name" "soft-$name"
$bin/rmdir "folder-$name"
$bin/nc 127.0.0.1 "$port" < /dev/null
exit 7
`;

/** A listener of this test, outside the tree: the connections that it saw. */
async function listen() {
  const seen = [];
  const server = createServer((socket) => {
    seen.push(socket.remotePort);
    socket.on('error', () => {});
    socket.end('bye\n');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.address().port, seen, close: () => server.close() };
}

/** A process outside the tree that opens a file of its own over and over. */
function neighbour(file) {
  const child = spawn('sh', ['-c', 'while :; do /usr/bin/cat "$0" > /dev/null; sleep 0.2; done', file], {
    stdio: 'ignore',
    detached: true,
  });
  return () => process.kill(-child.pid, 'SIGKILL');
}

export default async function ({ agentgov, assert, canary, file, monitor, tier, work }) {
  const name = canary();
  const at = (path) => join(work, path);
  file(`in-${name}`, 'in\n');
  const script = file('script.sh', SCRIPT);
  const stop = neighbour(file(`neighbour-${name}`, 'mine\n'));
  const server = await listen();
  const { code, stdout, stderr, log, file: audit } = await monitor(['sh', script, work, name, String(server.port)]);
  stop();
  server.close();
  assert.equal(code, 7, stderr);
  assert.ok(stdout.includes('bye\n'), 'what the command printed came through');
  const verified = await agentgov(['verify', '--json', audit]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.equal(JSON.parse(verified.stdout).events, log.events.length);

  const shell = log.one('process_exec', { argv: (argv) => argv[0] === 'sh' && argv[1] === script });
  assert.equal(shell.exe, '/usr/bin/busybox');
  for (const program of ['cat', 'mkdir', 'mv', 'ln', 'chmod', 'truncate', 'rm', 'rmdir', 'nc']) {
    const execs = log.find('process_exec', { argv: (argv) => argv[0] === `/usr/bin/${program}` });
    assert.equal(execs.length, program === 'ln' ? 2 : 1, program);
    for (const exec of execs) assert.equal(exec.ppid, shell.pid);
  }
  assert.deepEqual(log.one('process_exec', { argv: (argv) => argv[0] === '/usr/bin/chmod' }).argv, [
    '/usr/bin/chmod',
    '0751',
    `hard-${name}`,
  ]);

  const folder = at(`folder-${name}`);
  const moved = join(folder, `moved-${name}`);
  log.one('file_open', { path: at(`in-${name}`), access: 'read' });
  log.one('file_create', { path: at(`new-${name}`) });
  log.one('file_create', { path: folder, syscall: 'mkdir' });
  log.one('file_rename', { path: at(`new-${name}`), path_to: moved });
  log.one('file_link', { path: moved, path_to: at(`hard-${name}`) });
  log.one('file_create', { path: at(`soft-${name}`), path_to: `folder-${name}` });
  log.one('file_attr', { path: at(`hard-${name}`), value: '0751' });
  log.one('file_open', { path: moved, access: 'write', flags: (flags) => flags.includes('O_APPEND') });
  log.one('file_truncate', { path: at(`hard-${name}`) });
  for (const gone of [at(`hard-${name}`), moved, at(`soft-${name}`), folder]) log.one('file_delete', { path: gone });

  log.one('network_connect', { dest_ip: '127.0.0.1', dest_port: server.port, protocol: 'tcp' });
  assert.equal(server.seen.length, 1, 'connections that the listener saw');
  log.one('process_exit', { pid: shell.pid, exit_code: 7 });

  const neighbours = log.events.filter((event) => JSON.stringify(event).includes(`neighbour-${name}`));
  assert.deepEqual(neighbours, [], 'events of a process outside the tree');
  assert.deepEqual(log.losses(tier), []);
  assert.equal(log.events.at(-1).event_type, 'session_end');
}
