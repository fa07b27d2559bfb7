// A script is known by its file, whatever name led there.
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

export const per = 'handlers';

export default async function ({ assert, canary, file, monitor, work }) {
  const name = canary();
  const jail = join(work, 'jail');
  for (const folder of ['sub', 'jail/usr/bin']) mkdirSync(join(work, folder), { recursive: true });
  const script = (path, interpreter = '/bin/sh', text = '') => file(path, `#!${interpreter}\n${text}\n`, 0o755);
  const plain = script('plain');
  const behind = script('sub/behind');
  symlinkSync('sub/behind', join(work, 'link'));
  symlinkSync('sub', join(work, 'linked-sub'));
  script('chain-1');
  script('chain-2', join(work, 'chain-1'));
  const chain = script('chain-3', join(work, 'chain-2'));
  const gone = script('gone', '/bin/sh', `rm ${work}/gone ${work}/link-to-gone`);
  symlinkSync('gone', join(work, 'link-to-gone'));
  // The link leads elsewhere before anybody could have followed it for the log.
  const changes = script('changes', '/bin/sh', `ln -sfn plain ${work}/changing`);
  symlinkSync('changes', join(work, 'changing'));
  copyFileSync('/usr/bin/busybox', join(jail, 'usr/bin/busybox'));
  const jailed = script('jail/script', '/usr/bin/busybox sh');
  symlinkSync('script', join(jail, 'link'));

  const ways = [
    [`${work}/plain`, plain],
    [`${work}/link`, behind],
    [`cd ${work}/linked-sub; ../link`, behind],
    [`cd ${work}; ./sub/../linked-sub/behind`, behind],
    [`exec 7<${work}/link; /proc/self/fd/7`, behind],
    [`/proc/self/root${work}/link`, behind],
    [`${work}/chain-3`, chain],
    [`${work}/link-to-gone`, gone],
    [`${work}/changing`, changes],
    [`busybox chroot ${jail} /link`, jailed, '/usr/bin/busybox'],
  ];
  const marked = ways.map(([line], i) => `( ${line} ${name}-${i} )`);
  const { code, stderr, log } = await monitor(['sh', '-ec', marked.join('\n')]);
  assert.equal(code, 0, stderr);
  for (const [i, [line, path, interpreter = '/bin/sh']] of ways.entries()) {
    const argv = (words) => words?.[0] === interpreter && words.at(-1) === `${name}-${i}`;
    const event = log.one('process_exec', { argv });
    assert.equal(event.script, path, line);
    assert.equal(event.interpreter, interpreter, line);
    assert.ok(!('path_resolved' in event), line);
  }
  log.one('process_exec', { argv: (words) => words?.[0] === 'sh' && words[1] === '-ec', script: undefined });
}
