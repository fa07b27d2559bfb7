// Whatever a process of the tree makes belongs to the tree, from its first instruction to its exit.
export const needs = ['c:fork-ways'];
export const per = 'handlers';

export default async function ({ assert, canary, monitor, work }) {
  const name = canary();
  // The tree's own record comes out of a pipe that all of them hold: it ends with the last of them. `cat` belongs to
  // the tree as well, and keeps the session open until then.
  const script = '"$0" "$1" "$2" | cat > "$1/record"';
  const { code, stderr, log } = await monitor(['sh', '-c', script, '/usr/local/bin/fork-ways', work, name]);
  assert.equal(code, 0, stderr);

  const { readFileSync } = await import('node:fs');
  const record = readFileSync(`${work}/record`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  const made = record.filter(([what]) => what === 'made');
  const forked = record.filter(([what]) => what === 'forked').map(([, pid]) => Number(pid));
  assert.deepEqual(made.map(([, way]) => way).sort(), [
    'clone-parent',
    'clone3',
    'daemon',
    'fork',
    'pid-namespace',
    'thread',
    'thread-exec',
    'thread-fork',
    'vfork-exec',
  ]);

  for (const [, way, pid, tid] of made) {
    const event = log.one('file_create', { path: `${work}/${name}-${way}` });
    assert.deepEqual([event.pid, event.tid], [Number(pid), Number(tid)], `who ${way} is`);
    assert.equal(event.pid_inner, way === 'pid-namespace' ? 1 : undefined, `the inner pid of ${way}`);
  }
  for (const pid of forked) {
    const fork = log.one('process_fork', { pid });
    const exit = log.one('process_exit', { pid });
    assert.equal(exit.start_us, fork.start_us, `the identity of ${pid}`);
    assert.ok(fork.seq < exit.seq);
    assert.ok(log.find('process_fork', { pid: fork.ppid }).length === 1 || fork.ppid === log.of('process_exec')[0].pid);
  }
  // Beside what the program made there are `cat` and the program itself, both made by the shell.
  assert.equal(log.of('process_fork').length, forked.length + 2);
  const [shell] = log.of('process_exec');
  assert.equal(log.find('process_fork', { ppid: shell.pid }).length, 2);
}
