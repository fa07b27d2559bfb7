// The loader alone, over its own protocol: the programs load in this tier, a governed process is seen, the end is clean.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startLoader } from './lib/loader.mjs';

export const product = 'loader';

export default async function ({ assert, artifacts, canary, figure, file, tier }) {
  const errors = [];
  const started = performance.now();
  const loader = await startLoader(
    ['--agent-id', 'guest', ...(tier === 'observe' ? ['--tier', 'observe'] : [])],
    errors,
  );
  figure('hello_ms', Math.round(performance.now() - started));
  console.log(JSON.stringify(loader.hello));
  assert.equal(loader.hello.tier, tier, loader.hello.tier_reason);

  const path = file(canary(), 'text');
  const shell = spawn('sh', ['-c', 'read go; cat "$0"; exit 9', path], { stdio: ['pipe', 'ignore', 'inherit'] });
  const governing = await loader.send({ cmd: 'govern', pids: [shell.pid], id: 1 });
  assert.equal(governing.msg, 'governing', JSON.stringify(governing));
  shell.stdin.end('go\n');
  const [status] = await once(shell, 'exit');
  assert.equal(status, 9);

  const stats = await loader.send({ cmd: 'stats', id: 2 });
  figure('loader_rss_kb', stats.rss_kb);
  figure('map_kb', Math.round(stats.map_bytes / 1024));
  const { code, lines } = await loader.quit();
  writeFileSync(join(artifacts, 'lines.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  assert.equal(code, 0, errors.join(''));
  assert.equal(lines.at(-1).msg, 'bye');

  const one = (type, wanted) => {
    const found = lines.filter((line) => line.event_type === type && wanted(line));
    assert.equal(found.length, 1, `${type}: ${JSON.stringify(found)}`);
    return found[0];
  };
  const fork = one('process_fork', ({ ppid }) => ppid === shell.pid);
  const exec = one('process_exec', ({ pid }) => pid === fork.pid);
  assert.deepEqual(exec.argv, ['cat', path]);
  one('file_open', (event) => event.path === path && event.pid === fork.pid && event.access === 'read');
  assert.equal(one('process_exit', ({ pid }) => pid === shell.pid).exit_code, 9);
}
