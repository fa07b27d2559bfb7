// Programs that come from this machine work in the guest: the recall workloads are made of them.
export const product = 'none';
export const needs = ['python3', 'git', 'strace'];
export const variants = ['observe'];

export default async function ({ assert, canary, run, work }) {
  const word = canary();
  const script = `import hashlib, json, socket, ssl, subprocess, sys; print(json.dumps(sys.argv[1:]))`;
  const python = await run('python3', ['-c', script, word]);
  assert.deepEqual([python.code, python.stdout], [0, `["${word}"]\n`], python.stderr);

  const commands = `
    git init -q repository && cd repository && echo ${word} > file && git add file &&
    git -c user.name=a -c user.email=a@b commit -qm ${word} && cd .. && git clone -q repository copy && git -C copy log --format=%s`;
  const git = await run('sh', ['-c', commands], { cwd: work });
  assert.deepEqual([git.code, git.stdout], [0, `${word}\n`], git.stderr);

  const strace = await run('strace', ['-f', '-e', 'trace=execve', 'true']);
  assert.match(strace.stderr, /^execve\("\/usr\/bin\/true"/);
}
