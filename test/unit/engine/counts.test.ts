// What rules are against, counted from the loader's verdicts to session_end and the next session.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { canary, scratch } from '../../support/index.js';
import { expectWhole, install, monitor } from './installed.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = scratch();
const targets: ChildProcess[] = [];
afterEach(() => {
  for (const child of targets.splice(0)) child.kill('SIGKILL');
});

const verdict = (action: string): Record<string, unknown> => ({
  event_type: 'file_open',
  access: 'read',
  action,
  errno: 1,
  path: '/srv/secret',
  // Rule 0 of the first policy of a session.
  policy_rule: String(1 << 16),
  syscall: 'openat',
});
const hello = { tier: 'lsm' };
const lost = (kind: string, reason = 'ring_full'): string =>
  `{"msg":"lost","class":"${kind}","count":2,"reason":"${reason}"}`;

it('counts over sessions, says when they are too low, and warns of what nobody has watched', async () => {
  const policy = join(folder, `${canary()}.yaml`);
  const rule = '{name: secrets, match: {path: ["/srv/secret"]}, action: BLOCK}';
  writeFileSync(policy, `version: "1.0"\nmode: enforce\npolicies:\n  - ${rule}\n`);
  const agentId = canary();
  const session = async (script: Parameters<typeof install>[0]) => {
    const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    targets.push(child);
    const run = monitor(install({ hello, emptyAfterEvents: true, ...script }), ['--pid', String(child.pid)], {
      policy,
      agentId,
    });
    const { code, stderr } = await run.result;
    expect(code, stderr).toBe(0);
    return { end: await expectWhole(run), stderr, events: run.events() };
  };
  const blocked = Array.from({ length: 3 }, () => verdict('BLOCKED'));

  const first = await session({ events: [...blocked, verdict('WOULD_BLOCK')], raw: [lost('file')] });
  expect(first.end.rule_counts).toEqual(['enforce 1 3 secrets']);
  const [loaded] = first.events.filter(({ event_type }) => event_type === 'policy_loaded');
  expect(loaded).toMatchObject({ audit_hours: 0 });
  expect(first.stderr).toContain(
    'agentgov: Enforced without having been in audit mode for 48 h: 3 rules, secrets among them (0 s).',
  );

  const second = await session({ events: blocked, raw: [lost('verdict', 'recursion')] });
  expect(second.end).toMatchObject({ rule_counts: ['enforce >=1 >=6 secrets'], lost: 0 });
  // Skipped programs have told nothing, and no event is missing.
  expect(second.events.filter(({ event_type }) => event_type === 'enforcement_gap')).toMatchObject([
    { count: 2, reason: 'recursion' },
  ]);
  expect(second.events.some(({ event_type }) => event_type === 'events_lost')).toBe(false);

  const flood = await session({ events: Array.from({ length: 300 }, () => verdict('BLOCKED')) });
  expect(flood.events.filter(({ event_type }) => event_type === 'rule_flood')).toMatchObject([
    { policy_rule: 'secrets' },
  ]);
  expect(flood.end.rule_counts).toEqual(['enforce >=1 >=306 secrets']);
  expect(flood.stderr).toMatch(/Rule secrets was met more than 100 times .* agentgov mode secrets audit/);
});
