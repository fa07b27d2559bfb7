// tracefs, securityfs, bpffs and cgroup2 need not be mounted where they usually are, or at all.
const UNMOUNTED = `
umount /sys/kernel/debug/tracing 2> /dev/null
for folder in /sys/kernel/tracing /sys/kernel/debug /sys/kernel/security /sys/fs/bpf /sys/fs/cgroup; do
  umount "$folder" || exit 1
done
`;
// cgroup v1 in front and v2 at its side, as older systemd machines have it.
const UNIFIED = `
umount /sys/fs/cgroup && mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/unified &&
mount -t cgroup2 none /sys/fs/cgroup/unified || exit 1
`;

export const per = 'handlers';

export default async function ({ assert, canary, file, monitor, tier }) {
  for (const [what, mounts] of Object.entries({ unmounted: UNMOUNTED, unified: UNIFIED })) {
    const name = file(`${what}-${canary()}`, 'text');
    const prefix = ['unshare', '-m', 'sh', '-c', `${mounts} exec "$@"`, 'sh'];
    const { code, stderr, log } = await monitor(['cat', name], { prefix });
    assert.equal(code, 0, stderr);
    assert.equal(log.of('session_start')[0].tier, tier);
    log.one('file_open', { path: name });
  }
}
