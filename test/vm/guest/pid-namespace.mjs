// In a PID namespace of its own, as in a container, agentgov finds its tier and governs; the pids are those known there.
export const per = 'handlers';

export default async function ({ assert, canary, monitor, work }) {
  const made = `${work}/${canary()}`;
  const script = 'echo $$ > "$0"; unshare -p -f sh -c \'echo > "$0".below\' "$0"; exit 7';
  const { code, stderr, log } = await monitor(['sh', '-c', script, made], {
    prefix: ['unshare', '-p', '-f', '--mount-proc'],
  });
  assert.equal(code, 7, stderr);
  const { readFileSync } = await import('node:fs');
  const pid = Number(readFileSync(made, 'utf8'));
  log.one('file_create', { path: made, pid });
  log.one('process_exit', { pid, exit_code: 7 });
  const below = log.one('file_create', { path: `${made}.below`, pid_inner: 1 });
  assert.ok(below.pid > pid);
}
