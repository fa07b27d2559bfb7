// Rules over what changes the machine: mounts, privileges, other processes, the kernel. Each call gets past them while
// nothing is enforced, and none when its rule forbids it to this program.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { UNTOLD, waysOf } from './lib/ways.mjs';

export const needs = ['c:tampering'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 400;

const EPERM = 1;
/** What /proc makes of it. */
const EACCES = 13;
/** By the first word of a way. */
const EVENTS = {
  mount: 'mount',
  ptrace: 'ptrace',
  signal: 'signal',
  privilege: 'privilege_change',
  kernel: 'kernel_tamper',
  uring: 'io_uring_setup',
};
const eventOf = (way) => EVENTS[way.split('_')[0]];

/**
 * What self-protection is against whatever the policy says, in its own mount namespace. /mnt is /usr when something is
 * moved there, where Node is.
 */
const OWN = { mount_again: EPERM, mount_moved: EPERM, mount_pivot: EPERM };
const OWN_ENFORCED = {
  ...OWN,
  ptrace_outsider: EPERM,
  ptrace_mem_file: EACCES,
  kernel_bpf: EPERM,
  kernel_module: EPERM,
  kernel_module_away: EPERM,
  kernel_kexec: EPERM,
  kernel_ports: EPERM,
};

const policy = (exe) =>
  JSON.stringify({
    version: '1.0',
    policies: Object.values(EVENTS).map((event) => ({
      name: `no_${event}`,
      match: { event: [event], ...(exe && { exe: [exe] }) },
      action: 'BLOCK',
    })),
  });

const errnos = (found) => Object.fromEntries([...found].map(([way, { errno }]) => [way, errno]));

export default async function ({ assert, figure, file, monitor, run, work }) {
  const outsider = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const mounted = join(work, 'mounted');
  mkdirSync(mounted);
  assert.equal((await run('mount', ['-t', 'tmpfs', 'none', mounted])).code, 0);
  const command = ['tampering', String(outsider.pid), mounted];
  const own = { prefix: ['unshare', '-m'] };
  try {
    const free = await run('unshare', ['-m', ...command]);
    const ways = waysOf(free.stdout);
    const refused = [...ways].filter(([, { errno }]) => errno === EPERM || errno >= UNTOLD);
    assert.deepEqual(refused, [], `refused without a policy: ${free.stdout}${free.stderr}`);

    const held = await monitor(command, {
      enforce: file('held.yaml', policy('**/tampering')),
      args: ['--mode', 'enforce'],
    });
    const found = waysOf(held.stdout);
    assert.equal(found.size, ways.size, held.stdout + held.stderr);
    const through = [...found].filter(
      ([way, { errno }]) => errno !== (way === 'ptrace_mem_file' ? EACCES : EPERM) && ways.get(way).errno !== 38,
    );
    assert.deepEqual(through, [], `not stopped: ${held.stdout}${held.stderr}`);
    for (const [way, { pid }] of found) {
      if (ways.get(way).errno === 38) continue;
      const event = eventOf(way);
      const told = held.log.find(event, { action: 'BLOCKED', errno: EPERM, pid, policy_rule: `no_${event}` });
      assert.ok(told.length > 0, `no BLOCKED ${event} of ${way} (pid ${pid})`);
    }
    const pidOf = (way) => found.get(way).pid;
    const target = { action: 'BLOCKED', target_pid: outsider.pid };
    held.log.one('signal', { ...target, signal: 'SIGURG', syscall: 'kill', pid: pidOf('signal_process') });
    held.log.one('ptrace', { ...target, syscall: 'ptrace', pid: pidOf('ptrace_outsider') });
    held.log.one('mount', { action: 'BLOCKED', pid: pidOf('mount_bind'), path: '/usr', path_to: '/mnt' });
    // Its children's end is its own affair: a signal within the tree is none of the rule's.
    held.log.none('signal', { action: 'BLOCKED', signal: 'SIGKILL' });

    // Rules over another program are not about this one: only those of self-protection are left.
    const other = await monitor(command, {
      ...own,
      enforce: file('other.yaml', policy('**/other')),
      args: ['--mode', 'enforce'],
    });
    assert.deepEqual(errnos(waysOf(other.stdout)), { ...errnos(ways), ...OWN_ENFORCED }, other.stderr);

    // In mode audit all else goes on, and is told.
    const audit = await monitor(command, { ...own, enforce: file('audit.yaml', policy()) });
    assert.deepEqual(errnos(waysOf(audit.stdout)), { ...errnos(ways), ...OWN }, audit.stderr);
    for (const [way, { pid, errno }] of waysOf(audit.stdout)) {
      if (errno !== 38 && !(way in OWN))
        audit.log.some(eventOf(way), { action: 'WOULD_BLOCK', pid, policy_rule: `no_${eventOf(way)}` });
    }
    figure('ways', found.size);
  } finally {
    outsider.kill('SIGKILL');
    await run('umount', [mounted]);
  }
}
