// Where the kernel preempts tracing programs it skips them for others meanwhile: nobody leaves the tree by that, and
// nothing that a crowd on one CPU does is missing.
export const needs = ['c:crowd'];
export const timeout = 900;

const WORKERS = 8;

export default async function ({ assert, figure, monitor, scaled, tier, work }) {
  const each = scaled(200);
  const { code, stdout, stderr, log } = await monitor(['/usr/local/bin/crowd', work, String(WORKERS), String(each)]);
  assert.equal(code, 0, stderr);
  const made = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  assert.equal(made.length, WORKERS * each);
  figure('processes', made.length);

  const byPid = (type) => index(log.of(type), 'pid');
  const [forks, execs, exits] = ['process_fork', 'process_exec', 'process_exit'].map(byPid);
  const creates = index(log.of('file_create'), 'path');
  for (const [, n, text] of made) {
    const pid = Number(text);
    const own = [forks.get(pid), execs.get(pid), creates.get(`${work}/${n}`), exits.get(pid)];
    assert.deepEqual(
      own.map((events) => events?.length),
      [1, 1, 1, 1],
      `fork, exec, create and exit of ${n}`,
    );
    const [[fork], [exec], [create], [exit]] = own;
    assert.deepEqual(exec.argv.slice(1), [work, n]);
    assert.equal(create.pid, pid, `who created ${n}`);
    for (const event of [exec, create, exit]) assert.equal(event.start_us, fork.start_us, `the identity of ${n}`);
  }
  assert.equal(log.of('process_fork').length, WORKERS * (each + 1));
  assert.deepEqual(log.losses(tier), []);
}

/** The events under each value of a field. */
function index(events, key) {
  const map = new Map();
  for (const event of events) map.set(event[key], [...(map.get(event[key]) ?? []), event]);
  return map;
}
