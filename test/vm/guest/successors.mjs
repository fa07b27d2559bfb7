// The kernel's programs are there once, and a loader holds them with others. Whenever and however the last of these ends,
// whoever has just begun governs, and sees what its process does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoader } from './lib/loader.mjs';

export const variants = ['lsm', 'hook', 'observe'];
export const per = 'turn';
export const product = 'loader';
export const timeout = 900;

export default async function ({ assert, canary, figure, file, scaled, seed, tier }) {
  const errors = [];
  const begin = () =>
    startLoader(['--agent-id', 'guest', ...(tier === 'observe' ? ['--tier', 'observe'] : [])], errors);
  const path = file('secret', canary());

  async function govern(loader) {
    const shell = spawn('sh', ['-c', 'read go; cat "$0"', path], { stdio: ['pipe', 'ignore', 'inherit'] });
    const answer = await loader.send({ cmd: 'govern', pids: [shell.pid], id: 1 });
    assert.equal(answer.msg, 'governing', JSON.stringify(answer));
    shell.stdin.end('go\n');
    await once(shell, 'exit');
    const opened = await loader.seen((line) => line.event_type === 'file_open' && line.path === path);
    assert.equal(opened.path_resolved ?? true, true, JSON.stringify(opened));
  }
  const ends = [(loader) => loader.kill(), (loader) => loader.quit()];

  // It has the programs already when the one that hung them up goes.
  for (const end of ends) {
    const first = await begin();
    await govern(first);
    const second = await begin();
    const over = end(first);
    await govern(second);
    await over;
    await second.quit();
  }
  // It had them before they were hung up, and they have fallen down since.
  for (const end of ends) {
    const [first, second] = [await begin(), await begin()];
    await govern(first);
    await end(first);
    await govern(second);
    await second.quit();
  }
  // It looks for them while they go.
  let last = await begin();
  const started = performance.now();
  const other = await begin();
  const joining = performance.now() - started;
  await other.quit();
  for (let round = 0; round < scaled(60); round++) {
    await govern(last);
    const next = begin();
    await sleep((joining * ((seed + 7 * round) % 20)) / 20);
    const over = ends[round % 2](last);
    last = await next;
    await over;
  }
  await govern(last);
  await last.quit();
  figure('joining_ms', Math.round(joining));
}
