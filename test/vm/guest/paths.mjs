// A path in the log is the file's, whatever spelling led there.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const per = 'handlers';
export const needs = ['c:open-ways'];

export default async function ({ assert, canary, monitor, work }) {
  const name = canary();
  const deep = Array(60).fill('deep').join('/');
  for (const folder of ['jail', 'mnt', 'bind', deep]) mkdirSync(join(work, folder), { recursive: true });
  symlinkSync(work, join(work, 'linked-folder'));
  symlinkSync(`${name}-symlink`, join(work, `${name}-link-to-symlink`));

  const here = [
    'relative',
    'dot',
    'dotdot',
    'slashes',
    'dirfd',
    'symlink',
    'through-symlink',
    'proc-root',
    'proc-fd',
    'openat2',
  ];
  const opened = [
    ...here.map((way) => `${name}-${way}`),
    `${deep}/${name}-deep`,
    // From the root of the mount namespace, not from the process's own root.
    `jail/${name}-chroot`,
  ].map((file) => join(work, file));
  for (const path of opened) writeFileSync(path, '');
  // A bind mount is where the process found the file; both names are the same file.
  writeFileSync(join(work, `jail/${name}-bind`), '');

  const { code, stderr, log } = await monitor(['open-ways', work, name]);
  assert.equal(code, 0, stderr);
  for (const path of [...opened, join(work, `bind/${name}-bind`)]) {
    const event = log.one('file_open', { path });
    assert.equal(event.access, 'read');
    assert.ok(!('path_resolved' in event) && !('errno' in event) && !('path_hex' in event), JSON.stringify(event));
  }
  log.one('file_create', { path: join(work, `mnt/${name}-mountns`) });
}
