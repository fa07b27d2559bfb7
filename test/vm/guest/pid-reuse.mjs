// Attaching while numbers are used again all the time: nobody of the tree slips out, no stranger with the number of a
// dead member slips in, and no number stays marked when its process has gone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export const needs = ['c:pid-hoppers'];
export const per = 'run';
export const product = 'loader';
export const timeout = 600;

/** Numbers begin again at 300 (RESERVED_PIDS), so some 300 are in use. */
const PID_MAX = 600;

async function hoppers(work, name) {
  const control = `${work}/${name}.control`;
  const mark = `${work}/${name}.mark`;
  writeFileSync(control, Buffer.alloc(16));
  for (const file of [mark, `${mark}.after`]) writeFileSync(file, '');
  const child = spawn('pid-hoppers', [control, mark], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  return {
    pid: child.pid,
    mark,
    phase(value) {
      const fd = openSync(control, 'r+');
      writeSync(fd, Buffer.from([value]), 0, 1, 0);
      closeSync(fd);
    },
    count: () => Number(readFileSync(control).readBigUInt64LE(8)),
    exited,
  };
}

function startLoader(tier) {
  const flags = tier === 'observe' ? ['--tier', 'observe'] : [];
  const child = spawn('agentgov-loader', ['run', '--agent-id', 'guest', ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const seen = { opened: new Map(), messages: [] };
  const exited = once(child, 'exit');
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.msg) seen.messages.push(message);
    else if (message.event_type === 'file_open' && !message.preexisting)
      seen.opened.set(message.path, (seen.opened.get(message.path) ?? 0) + 1);
  });
  return {
    seen,
    async message(...kinds) {
      for (;;) {
        const found = seen.messages.find(({ msg }) => kinds.includes(msg));
        if (found) return found;
        if (child.exitCode !== null) throw new Error(`the loader ended with ${child.exitCode}`);
        await sleep(20);
      }
    },
    send: (command) => child.stdin.write(`${JSON.stringify(command)}\n`),
    exited,
  };
}

/** One attach to a new tree: what it came to, once the whole tree has ended. */
async function attach(tree, tier) {
  const loader = startLoader(tier);
  await loader.message('hello');
  loader.send({ cmd: 'govern', pids: [tree.pid], id: 1 });
  const answer = await loader.message('governing', 'error');
  if (answer.msg === 'governing') {
    tree.phase(1);
    while (tree.count() < 100) await sleep(20);
  }
  tree.phase(2);
  await tree.exited;
  // It does not come while any number is marked.
  if (answer.msg === 'governing') await loader.message('empty');
  loader.send({ cmd: 'quit' });
  await loader.exited;
  const lost = loader.seen.messages.filter(({ msg }) => msg === 'lost');
  return { answer, opened: loader.seen.opened, lost };
}

export default async function ({ assert, figure, scaled, tier, work }) {
  writeFileSync('/proc/sys/kernel/pid_max', String(PID_MAX));
  const stranger = await hoppers(work, 'stranger');
  const rounds = scaled(30);
  let hops = 0;
  let refused = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const tree = await hoppers(work, `tree-${round}`);
      const { answer, opened, lost } = await attach(tree, tier).finally(() => tree.phase(2));
      // Where the kernel skips runs of our programs (7.x), both the end of a member and the birth of the next one with its
      // number can be among them; that is told.
      if (!lost.some((loss) => loss.class === 'process'))
        assert.equal(opened.get(stranger.mark), undefined, `round ${round}: opens of strangers`);
      if (answer.msg === 'error') {
        // It may say that it cannot follow; it may not be wrong.
        assert.equal(answer.code, 'EAGAIN', answer.text);
        refused += 1;
      } else if (lost.length === 0) {
        assert.equal(opened.get(`${tree.mark}.after`), tree.count(), `round ${round}: opens of the tree`);
        hops += tree.count();
      }
    }
  } finally {
    stranger.phase(2);
    await stranger.exited;
  }
  figure('hops', hops);
  figure('refused', refused);
  assert.ok(refused < rounds, 'it could follow at least once');
}
