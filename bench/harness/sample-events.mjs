import { seededRandom } from './stats.mjs';

/** How many of a hundred events are of each type. */
const SHARES = {
  file_open: 72,
  file_create: 8,
  file_delete: 4,
  process_fork: 5,
  process_exec: 5,
  process_exit: 4,
  network_connect: 2,
};
const HUNDRED = Object.entries(SHARES).flatMap(([type, share]) => Array(share).fill(type));

/** Events in the proportions of a package install, the same for the same seed, without seq and hashes. */
export function* sampleEvents(count, seed = 1) {
  const random = seededRandom(seed);
  const integer = (limit) => Math.floor(random() * limit);
  let us = 1_800_000_000;
  for (let i = 0; i < count; i++) {
    us += 1 + integer(60);
    const type = HUNDRED[integer(100)];
    yield {
      action: 'OBSERVED',
      agent_id: 'bench',
      comm: 'node',
      event_type: type,
      exe: '/usr/bin/node',
      gid: 1000,
      pid: 4000 + integer(40),
      ppid: 3999,
      start_us: 1_799_000_000,
      tid: 4000 + integer(80),
      timestamp: new Date(1_776_158_581_234 + us / 1000).toISOString(),
      ts_us: us,
      uid: 1000,
      ...details(type, i, integer),
    };
  }
}

function details(type, i, integer) {
  // One path in 200 is not ASCII, as on a disk of real people.
  const file = `/home/user/project/node_modules/package-${integer(400)}/lib/${i % 200 ? 'module' : 'größe-文件'}-${i}.js`;
  switch (type) {
    case 'process_fork':
      return { syscall: 'clone' };
    case 'process_exec':
      return {
        path: '/usr/bin/git',
        argv: ['git', 'log', '-n', String(integer(500)), '--', file],
        cwd: '/home/user/project',
      };
    case 'process_exit':
      return { exit_code: integer(2) };
    case 'network_connect':
      return { dest_ip: `10.0.${integer(256)}.${integer(256)}`, dest_port: 443, protocol: 'tcp', syscall: 'connect' };
    default:
      return { path: file, access: 'read', flags: ['O_RDONLY', 'O_CLOEXEC'], syscall: 'openat' };
  }
}
