// Several agents at once under one set of kernel programs, with policies that contradict each other: what one may the
// other may not. Each is held to its own, in its own log, whatever becomes of the others.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loaders } from './lib/loaders.mjs';
import { parseLog } from './lib/log.mjs';

export const needs = [];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 1200;

const KILLED = 128 + 9;

/** A shell that does what it is told, a line at a time. */
function shell() {
  const loop = 'while read -r line; do eval "$line" >/dev/null 2>&1; echo $?; done';
  const child = spawn('sh', ['-c', loop], { stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting = [];
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      waiting.shift()(Number(text.slice(0, end)));
      text = text.slice(end + 1);
    }
  });
  const ask = (line) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      child.stdin.write(`${line}\n`);
    });
  return { pid: child.pid, ask, end: () => child.stdin.end() };
}

const sum = (counts) => Object.values(counts).reduce((all, count) => all + count, 0);

/** The ids of the kernel programs that a process holds. */
const programsOf = (pid) => {
  const ids = readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    return /^prog_type:/m.test(text) ? [Number(/^prog_id:\t(\d+)$/m.exec(text)[1])] : [];
  });
  return [...new Set(ids)].sort((a, b) => a - b);
};

export default async function ({ agentgov, artifacts, assert, canary, figure, file, full, preempt, work }) {
  const servers = [0, 1].map(() => createServer((socket) => socket.destroy()));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))));
  const [port1, port2] = servers.map((server) => server.address().port);
  const [one, two] = ['one', 'two'].map((name) => file(name, canary()));
  const [tool1, tool2] = ['tool1', 'tool2'].map((name) => file(name, '#!/bin/sh\nexit 0\n', 0o755));
  const TRIES = {
    one: `cat ${one}`,
    two: `cat ${two}`,
    port1: `nc 127.0.0.1 ${port1}`,
    port2: `nc 127.0.0.1 ${port2}`,
    tool1,
    tool2,
  };
  const rules = {
    one: `  - {name: one, match: {path: ["${one}"]}, action: BLOCK}\n`,
    two: `  - {name: two, match: {path: ["${two}"]}, action: BLOCK}\n`,
    port1: `  - {name: port1, match: {event: [network_connect], port: [${port1}]}, action: BLOCK}\n`,
    port2: `  - {name: port2, match: {event: [network_connect], port: [${port2}]}, action: BLOCK}\n`,
    tool1: `  - {name: tool1, match: {access: [exec], path: ["${tool1}"]}, action: BLOCK}\n`,
    tool2: `  - {name: tool2, match: {access: [exec], path: ["${tool2}"]}, action: BLOCK}\n`,
  };
  const policy = (name, closed, head = '') =>
    file(
      `${name}.yaml`,
      `version: "1.0"\nmode: enforce\n${head}policies:\n${closed.map((rule) => rules[rule]).join('')}`,
    );

  const until = async (condition, what, how = () => '') => {
    for (let turn = 0; !(await condition()); turn++) {
      assert.ok(turn < 6_000, `${what} did not come; ${how()}`);
      await sleep(20);
    }
  };

  /** An engine over the shell of an agent, once it enforces. */
  async function enforce(agent) {
    const before = new Set(loaders());
    const words = ['enforce', agent.policy, '--accept', 'leaky-hook', '--agent-id', agent.name];
    const child = spawn('agentgov', [...words, '--output-file', agent.log, '--pid', String(agent.shell.pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const engine = { pid: child.pid, stderr: '', code: undefined };
    child.stderr.on('data', (text) => {
      engine.stderr += text;
      writeFileSync(join(artifacts, `${agent.name}.stderr`), engine.stderr);
    });
    child.on('exit', (code, signal) => {
      engine.code = signal ?? code;
    });
    const how = () => `exit ${engine.code}: ${engine.stderr}`;
    await until(() => engine.stderr.includes('Enforcing') || engine.code !== undefined, 'enforcement', how);
    assert.equal(engine.code, undefined, engine.stderr);
    engine.loader = loaders().find((pid) => !before.has(pid));
    agent.engine = engine;
  }
  const begin = async (name, closed, head) => {
    const agent = {
      name,
      closed,
      policy: policy(name, closed, head),
      log: join(work, `${name}.jsonl`),
      denied: {},
    };
    agent.shell = shell();
    await enforce(agent);
    return agent;
  };
  /** Tries everything once: what fails must be what the agent's policy closes, and nothing else. */
  const held = async (agent, closed = agent.closed) => {
    for (const [name, line] of Object.entries(TRIES)) {
      const status = await agent.shell.ask(line);
      const failed = status !== 0;
      assert.equal(failed, closed.includes(name), `${agent.name}: ${name} ${failed ? 'was refused' : 'passed'}`);
      // A kernel that skips fmod_ret programs now and then: who got past them was killed, and was not refused.
      const isKilled = status === KILLED && agent.engine.stderr.includes('not airtight');
      if (failed && !isKilled) agent.denied[name] = (agent.denied[name] ?? 0) + 1;
    }
  };
  const kill = async (agent) => {
    process.kill(agent.engine.loader, 'SIGKILL');
    process.kill(agent.engine.pid, 'SIGKILL');
    await until(() => agent.engine.code !== undefined && !loaders().includes(agent.engine.loader), 'the end');
  };

  const a = await begin('agent-a', ['one', 'port1', 'tool1']);
  const alone = programsOf(a.engine.loader);
  const b = await begin('agent-b', ['two', 'port2', 'tool2']);
  const c = await begin('agent-c', ['one', 'two'], 'on_exit: release\n');
  for (const agent of [a, b, c]) assert.deepEqual(programsOf(agent.engine.loader), alone);
  figure('agents', { programs: alone.length });
  for (const agent of [a, b, c]) await held(agent);

  // Nobody's process is another's too.
  const claimed = await agentgov(
    [
      'enforce',
      b.policy,
      '--accept',
      'leaky-hook',
      '--agent-id',
      'thief',
      '--output-file',
      join(work, 'thief.jsonl'),
    ].concat(['--pid', String(a.shell.pid)]),
  );
  assert.equal(claimed.code, 2, claimed.stderr);
  assert.match(claimed.stderr, /agent-a/);

  // To signal another agent's process is to signal somebody outside the tree; here no rule forbids that.
  assert.equal(await a.shell.ask(`kill -CONT ${b.shell.pid}`), 0);

  // A reload is about one alone, however much it writes: nobody's child is born into no tree meanwhile.
  const many = Array.from(
    { length: 200 },
    (_, i) => `  - {name: r${i}, match: {path: ["/srv/${i}/*/a"]}, action: BLOCK}\n`,
  );
  writeFileSync(a.policy, readFileSync(policy('other', ['two', 'port2', 'tool2']), 'utf8') + many.join(''));
  const busy = file('busy', '');
  const passed = c.shell.ask(`n=0; while [ -e ${busy} ]; do cat ${one} && n=$((n + 1)); done; [ $n = 0 ]`);
  const reloaded = await agentgov(['reload', 'agent-a']);
  rmSync(busy);
  assert.equal(reloaded.code, 0, reloaded.stderr);
  assert.equal(await passed, 0, 'read what is closed while another policy was loaded');
  const before = a.closed;
  a.closed = b.closed;
  for (const agent of [a, b, c]) await held(agent);

  // Who is killed and kept stays in force, and is taken over; the others do not notice.
  await kill(b);
  for (let round = 0; round < 2; round++) {
    for (const agent of [a, b, c]) await held(agent);
  }
  await enforce(b);
  assert.deepEqual(programsOf(b.engine.loader), alone);
  for (const agent of [a, b, c]) await held(agent);

  // Who is killed and not kept is nobody's before long, and its number is somebody else's.
  await kill(c);
  await until(async () => (await c.shell.ask(TRIES.one)) === 0, 'the release');
  for (const agent of [a, b]) await held(agent);
  const d = await begin('agent-d', ['one', 'tool1', 'tool2']);
  assert.deepEqual(programsOf(d.engine.loader), alone);
  for (const agent of [a, b, d]) await held(agent);
  await held({ ...c, closed: [], denied: {} });

  // The one that loaded everything goes first.
  const ended = await agentgov(['detach', 'agent-a']);
  assert.equal(ended.code, 0, ended.stderr);
  await until(() => a.engine.code !== undefined, 'the end of agent-a');
  for (const agent of [b, d]) await held(agent);
  await held({ ...a, closed: [], denied: {} });
  for (const name of ['agent-b', 'agent-d']) assert.equal((await agentgov(['detach', name])).code, 0);
  await until(() => loaders().length === 0, 'the end of all');
  assert.deepEqual(readdirSync('/sys/fs/bpf/agentgov'), []);
  for (const agent of [a, b, c, d]) agent.shell.end();
  for (const server of servers) server.close();

  // Each log is whole, and has what its own agent was refused, to the number, and nobody else's.
  const { verifyFile } = await import('/opt/agentgov/dist/index.js');
  for (const agent of [a, b, d]) {
    const { verdict, reason } = await verifyFile(agent.log);
    assert.equal(verdict, 'intact', reason);
    const record = parseLog(readFileSync(agent.log, 'utf8'));
    const told = {};
    for (const { policy_rule: rule, action } of record.events)
      if (action === 'BLOCKED') told[rule] = (told[rule] ?? 0) + 1;
    const lost = record.find('events_lost', { class: 'verdict' }).reduce((all, { count }) => all + count, 0);
    if (agent === b) {
      // What was in the kernel when its loader was killed, and what nobody attended to, is counted.
      assert.deepEqual(Object.keys(told).sort(), Object.keys(agent.denied).sort());
      assert.equal(sum(told) + lost, sum(agent.denied), `${sum(told)} in the log and ${lost} lost`);
    } else {
      assert.deepEqual([told, lost], [agent.denied, 0], agent.name);
    }
    const others = new Set([a, b, c, d].filter((other) => other !== agent).map(({ shell: { pid } }) => pid));
    assert.deepEqual(
      record.events.filter(({ pid }) => others.has(pid)),
      [],
    );
    if (preempt !== 'full')
      assert.deepEqual(
        record.losses('hook').filter(({ reason: why }) => why !== 'unattended'),
        [],
      );
  }
  assert.notDeepEqual(before, a.closed);
  if (full) await crowd();

  /**
   * Many begin and end at once, beside one that goes on: each is held to its own policy. Without that one the first would
   * load the programs, which takes a guest as long as the others wait before they load programs of their own.
   */
  async function crowd() {
    const e = await begin('agent-e', ['one']);
    const crowdOf = Array.from({ length: 8 }, (_, i) => `crowd-${i}`);
    const results = await Promise.all(
      crowdOf.map((name, i) => {
        const closed = i % 2 ? ['one'] : ['two'];
        const flags = ['--accept', 'leaky-hook', '--agent-id', name, '--output-file', join(work, `${name}.jsonl`)];
        const script = `cat ${one} >/dev/null 2>&1; x=$?; cat ${two} >/dev/null 2>&1; y=$?; exit $((2 * x + y))`;
        return agentgov(['enforce', policy(name, closed), ...flags, '--', 'sh', '-c', script]);
      }),
    );
    for (const [i, { code, stderr }] of results.entries()) assert.equal(code, i % 2 ? 2 : 1, stderr);
    await held(e, ['one', 'port1', 'port2']); // the servers are gone
    assert.equal((await agentgov(['detach', 'agent-e'])).code, 0);
    e.shell.end();
    assert.deepEqual(readdirSync('/sys/fs/bpf/agentgov'), []);
  }
}
