// A session under enforce whose policy has somebody told: real processes and a real receiver, and a double that says what
// is denied.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { canary, scratch } from '../../support/scratch.js';
import { expectWhole, install, monitor, type Run } from './installed.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = scratch();
const targets: ChildProcess[] = [];
afterEach(() => {
  for (const child of targets.splice(0)) child.kill('SIGKILL');
});

/** Rules by their number in the policy below; the double's verdicts name them so. */
const RULES = { told: 0, quiet: 1 };
const verdict = (rule: keyof typeof RULES, action: string, path: string): Record<string, unknown> => ({
  event_type: 'file_open',
  access: 'read',
  action,
  errno: 1,
  path,
  policy_rule: String((1 << 16) + RULES[rule]),
  syscall: 'openat',
});

function enforce(alerts: object[], events: Record<string, unknown>[]): Run {
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore', uid: 65534, gid: 65534 });
  targets.push(child);
  const policy = join(folder, `${canary()}.yaml`);
  const rules = Object.keys(RULES).map((name) => ({
    name,
    match: { path: [`/srv/${name}`] },
    action: 'BLOCK',
    ...(name === 'told' && { alert: true }),
  }));
  writeFileSync(policy, JSON.stringify({ version: '1.0', mode: 'audit', alerts, policies: rules }));
  chmodSync(policy, 0o644);
  const script = { hello: { tier: 'lsm' }, emptyAfterEvents: true, events };
  return monitor(install(script), ['--pid', String(child.pid)], { policy });
}

it('marks what the rule is against in both modes, tells of it once a minute with a count, and of a flood', async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    request.setEncoding('utf8');
    request.on('data', (text) => bodies.push(text));
    request.on('end', () => response.end());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const secret = `sk-ant-api03-${'Ab1-'.repeat(20)}`;
  const run = enforce(
    [{ webhook: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${canary()}` }],
    [
      verdict('quiet', 'BLOCKED', '/srv/quiet'),
      verdict('told', 'WOULD_BLOCK', `/srv/told/${secret}`),
      ...Array.from({ length: 150 }, () => verdict('told', 'BLOCKED', '/srv/told')),
    ],
  );
  const { code, stderr } = await run.result;
  expect(code, stderr).toBe(0);
  await expectWhole(run);
  const events = run.events();
  expect(events.filter(({ policy_rule: rule, alert }) => rule === 'told' && alert === true)).toHaveLength(152);
  expect(events.filter(({ policy_rule: rule, alert }) => rule === 'quiet' && alert !== undefined)).toEqual([]);
  const [first, flood, rest] = bodies.map((body) => JSON.parse(body));
  expect(bodies).toHaveLength(3);
  expect(bodies.join()).not.toContain(secret);
  // What is told is what stands in the log.
  const logged = ({ seq }: { seq: number }) => events.find((event) => event.seq === seq);
  expect(first).toMatchObject({ rule: 'told', count: 1, agent_id: run.agentId, event: { action: 'WOULD_BLOCK' } });
  expect(logged(first.event)).toMatchObject(first.event);
  expect(flood).toMatchObject({ rule: 'told', count: 1, event: { event_type: 'rule_flood', alert: true } });
  expect(rest).toMatchObject({ rule: 'told', count: 150, event: { action: 'BLOCKED', path: '/srv/told' } });
  expect(logged(rest.event)).toMatchObject(rest.event);
});

it('says in the log and on the screen that a place takes nothing, and how many it missed', async () => {
  const run = enforce([{ webhook: 'http://user:word@127.0.0.1:9/' }], [verdict('told', 'BLOCKED', '/srv/told')]);
  const { code, stderr } = await run.result;
  expect(code, stderr).toBe(0);
  const end = await expectWhole(run);
  const reasons = run.events().flatMap(({ event_type: type, reason }) => (type === 'alert_delivery' ? [reason] : []));
  expect(reasons).toEqual([
    expect.stringMatching(/^the webhook at http:\/\/127\.0\.0\.1:9 does not take alerts \(.+\); trying again\.$/),
    '1 alerts did not reach the webhook at http://127.0.0.1:9; their events are in the log.',
  ]);
  for (const reason of reasons) expect(stderr).toContain(`agentgov: ${reason}`);
  expect(end.notes).toEqual(expect.arrayContaining(reasons));
});

it('runs no program that the agent could have written, in mode audit too', async () => {
  const program = join(folder, canary());
  writeFileSync(program, '#!/bin/sh\n');
  chmodSync(program, 0o755);
  chownSync(program, 65534, 65534);
  const { code, stderr } = await enforce([{ command: [program] }], []).result;
  expect(code).toBe(3);
  expect(stderr).toContain('agentgov runs no such program for alerts: name one that only root can write.');
});

it('says so where alerts would reach nobody', async () => {
  const run = enforce([], [verdict('told', 'BLOCKED', '/srv/told')]);
  const { stderr } = await run.result;
  expect(stderr).toContain('alerts names nobody: events of rules with alert: true are marked, and nobody is told.');
});
