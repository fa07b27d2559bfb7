// Everything at once: a fork bomb that leaves no number for a process, a flood of opens with forbidden ones between them,
// policies that are swapped, and agentgov killed in the middle of it and started again. Nothing forbidden ever succeeds,
// each refusal is in the log or counted as lost, and nobody outside is refused anything.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './lib/control.mjs';
import { loaders } from './lib/loaders.mjs';

export const needs = ['c:stress'];
export const variants = ['lsm', 'hook'];
export const per = 'full';
export const timeout = 1200;
export const evidence = 'stress';

/** Numbers begin again at 300 (RESERVED_PIDS), so some 600 are for the bomb. */
const PID_MAX = 1000;
const SOCKET = '/run/agentgov/stress.sock';
const SWAP_MS = 50;
const [CALM, BUSY, STORM, OVER] = [0, 1, 2, 3];
const PLACES = ['phase', 'refused', 'passed', 'odd', 'opens', 'born', 'full', 'strangeRefused', 'strangePassed'];

export default async function ({ assert, canary, figure, file, scaled, seed, tier, work }) {
  const secret = file('secret', canary());
  const folder = join(work, 'files');
  mkdirSync(folder);
  for (let i = 0; i < 100; i++) writeFileSync(join(folder, String(i)), '');
  const [place, log] = [join(work, 'policy.yaml'), join(work, 'audit.jsonl')];
  const write = (name) => {
    const text = `version: "1.0"\nmode: enforce\npolicies:\n  - {name: ${name}, match: {path: ["${secret}"]}, action: BLOCK}\n`;
    writeFileSync(`${place}.new`, text);
    renameSync(`${place}.new`, place);
  };
  const numbers = file('counts', Buffer.alloc(8 * PLACES.length));
  const counts = () => {
    const bytes = readFileSync(numbers);
    return Object.fromEntries(PLACES.map((name, at) => [name, Number(bytes.readBigUInt64LE(8 * at))]));
  };
  const phase = (value) => {
    const fd = openSync(numbers, 'r+');
    writeSync(fd, Buffer.from([value]), 0, 1, 0);
    closeSync(fd);
  };

  writeFileSync('/proc/sys/kernel/pid_max', String(PID_MAX));
  write('first');
  const stranger = spawn('stress', ['stranger', secret, numbers], { stdio: 'inherit' });
  const agent = spawn('stress', ['agent', secret, folder, numbers], { stdio: 'inherit' });
  const ended = Promise.all([once(agent, 'exit'), once(stranger, 'exit')]);

  const starts = [];
  async function start(...target) {
    const began = Date.now();
    const words = ['enforce', place, '--agent-id', 'stress', '--accept', 'leaky-hook', '--output-file', log, ...target];
    const child = spawn('agentgov', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    const engine = { child, stderr: '', over: once(child, 'exit') };
    child.stderr.on('data', (text) => {
      engine.stderr += text;
    });
    while (!engine.stderr.includes('Enforcing')) {
      assert.equal(child.exitCode ?? child.signalCode, null, engine.stderr);
      await sleep(20);
    }
    starts.push(Date.now() - began);
    return engine;
  }

  /** Swaps the policy for so many ms, and twice at least; how often. */
  async function swap(ms) {
    const { ask, close } = await control(SOCKET);
    let done = 0;
    for (const until = Date.now() + ms; done < 2 || Date.now() < until; done++) {
      write(done % 2 ? 'first' : 'second');
      const reply = await ask({ op: 'reload' });
      assert.equal(reply.ok, true, reply.text);
      await sleep(SWAP_MS);
    }
    close();
    return done;
  }

  while (counts().passed === 0) await sleep(20);
  let engine = await start('--pid', String(agent.pid));
  const { passed: before } = counts();
  const swaps = [];
  for (const victims of [() => [loaders()[0], engine.child.pid], () => [engine.child.pid]]) {
    phase(BUSY);
    swaps.push(await swap(scaled(30_000)));
    // In the middle of another swap.
    const { ask } = await control(SOCKET);
    write('third');
    phase(STORM);
    ask({ op: 'reload' }).catch(() => {});
    await sleep((seed + swaps.length) % 100);
    for (const pid of victims()) process.kill(pid, 'SIGKILL');
    await engine.over;
    while (loaders().length > 0) await sleep(20);
    const alone = counts();
    while (counts().refused < alone.refused + 1000 || counts().full === alone.full) await sleep(20);
    phase(CALM);
    // Nobody can be started before the bomb has gone.
    while (readdirSync('/proc').filter(Number).length > PID_MAX / 3) await sleep(20);
    engine = await start();
  }
  phase(STORM);
  const [calm, began] = [counts(), Date.now()];
  await sleep(scaled(20_000));
  const seconds = (Date.now() - began) / 1000;
  const storm = counts();
  // On a slow machine it may take the bomb longer to get all numbers.
  while (counts().full === calm.full) await sleep(20);
  phase(OVER);
  await ended;
  const [code] = await engine.over;
  assert.equal(code, 0, engine.stderr);

  const { verifyFile } = await import('/opt/agentgov/dist/index.js');
  const { verdict, reason } = await verifyFile(log);
  assert.equal(verdict, 'intact', reason);
  const { refused, passed, odd, born, full, strangeRefused, strangePassed } = counts();
  const record = { told: 0, lost: 0, skipped: 0 };
  for await (const text of createInterface({ input: createReadStream(log) })) {
    const event = JSON.parse(text);
    if (event.action === 'BLOCKED' && event.path === secret) record.told++;
    if (event.event_type !== 'events_lost') continue;
    if (event.class === 'verdict') record.lost += event.count;
    if (event.class === 'security' && event.reason === 'recursion') record.skipped += event.count;
  }
  const perSecond = (name) => Math.round((storm[name] - calm[name]) / seconds);
  const rates = { opens_per_s: perSecond('opens'), refused_per_s: perSecond('refused') };
  const figures = {
    starts_ms: starts,
    swaps,
    refused,
    passed: passed - before,
    born,
    full,
    strangePassed,
    ...record,
    ...rates,
  };
  for (const [name, value] of Object.entries(figures)) figure(name, value);
  assert.deepEqual([odd, strangeRefused], [0, 0], 'odd failures, refusals of strangers');
  assert.ok(full > 2, `${full} times all numbers were taken`);
  assert.ok(Math.min(...swaps) > 1, `${swaps} swaps`);
  // What got past programs that the kernel skipped while nobody recorded is in no log.
  if (tier === 'lsm' || record.skipped === 0) assert.equal(passed, before, 'forbidden opens that succeeded');
  assert.equal(record.told + record.lost, refused, `${record.told} in the log and ${record.lost} lost`);
}
