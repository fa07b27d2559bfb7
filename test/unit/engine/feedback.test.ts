// A session under enforce, and the agent's hook beside it: real processes and files, and a double that says what is denied.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { feedbackPath, findFeedback } from '../../../src/feedback/index.js';
import { repo } from '../../support/repo.js';
import { canary, scratch } from '../../support/scratch.js';
import { expectWhole, install, monitor, type Run, run } from './installed.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = scratch();
const FOLDER = '/run/agentgov';

const targets: ChildProcess[] = [];
afterEach(() => {
  for (const child of targets.splice(0)) child.kill('SIGKILL');
});

/** A process of another group, under a policy whose first rule the double's events name by its number. */
function enforce(root: string): Run {
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore', uid: 65534, gid: 65534 });
  targets.push(child);
  const policy = join(folder, `${canary()}.yaml`);
  writeFileSync(
    policy,
    `version: "1.0"
mode: enforce
policies:
  - {name: secrets, match: {path: ["/srv/secret"]}, action: BLOCK, guidance: Ask first.}
  - {name: open, match: {path: ["/srv/allowed"]}, action: ALLOW}
`,
  );
  chmodSync(policy, 0o644);
  return monitor(root, ['--pid', String(child.pid)], { policy });
}

const HOUR = 3_600_000;
const hourAgo = new Date(Date.now() - HOUR).toISOString();
const open = (action: string, path: string): Record<string, unknown> => ({
  event_type: 'file_open',
  access: 'read',
  action,
  errno: 1,
  path,
  // Rule 0 of the first policy of a session.
  policy_rule: String(1 << 16),
  syscall: 'openat',
  timestamp: hourAgo,
});
const secret = `sk-ant-api03-${'Ab1-'.repeat(20)}`;
const script = {
  hello: { tier: 'lsm' },
  events: [open('BLOCKED', '/srv/secret'), open('WOULD_BLOCK', '/srv/other'), open('BLOCKED', `/srv/${secret}`)],
};

/** Only root can make one. */
const asRoot = process.geteuid?.() === 0;

describe.runIf(asRoot)('the feedback of a session', () => {
  it('is there for the agent, without secrets, as long as the session lasts', async () => {
    const root = install(script);
    const session = enforce(root);
    const { agentId } = session;
    const path = feedbackPath(FOLDER, agentId);
    await expect
      .poll(() => findFeedback(FOLDER, { agentId })[0]?.denials.length, { timeout: 30_000, interval: 20 })
      .toBe(2);
    expect(lstatSync(path)).toMatchObject({ mode: 0o100640, uid: 0, gid: 65534 });
    expect(readFileSync(path, 'latin1')).not.toMatch(/sk-ant-api03|allowed|other/);

    const told = await run(root, 'feedback', agentId, '--json', '--since', '2h');
    expect(JSON.parse(told.stdout.toString())).toMatchObject({
      agent_id: agentId,
      denials: [
        { n: 1, path: '/srv/secret', rule: 'secrets', class: 'file', guidance: 'Ask first.', count: 1 },
        { n: 2, rule: 'secrets' },
      ],
    });
    const text = (await run(root, 'feedback', agentId, '--since', '1')).stdout.toString();
    expect(text).not.toContain('/srv/secret');
    expect(text).toContain('rule "secrets"');
    expect((await run(root, 'feedback', agentId, '--since', '2')).stdout.toString()).toBe('Nothing was denied.\n');

    session.child.kill('SIGTERM');
    expect((await session.result).code).toBe(0);
    await expectWhole(session);
    expect(existsSync(path)).toBe(false);
    const gone = await run(root, 'feedback', agentId);
    expect(gone.code).toBe(2);
    expect(gone.stderr).toMatch(/^agentgov: No agent called .*\.\n$/);
  });

  it('comes to the model by each hook of the templates', async () => {
    const root = install(script);
    const session = enforce(root);
    const { agentId } = session;
    await expect
      .poll(() => findFeedback(FOLDER, { agentId })[0]?.denials.length, { timeout: 30_000, interval: 20 })
      .toBe(2);
    const bin = join(folder, canary());
    // The hook names no agent: on this machine other tests may govern one too.
    writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/agentgov')}' "$@" '${agentId}'\n`);
    chmodSync(bin, 0o755);
    for (const file of ['claude-code/settings.json', 'codex/hooks.json']) {
      const { hooks } = JSON.parse(readFileSync(join(repo, 'templates/hooks', file), 'utf8')) as {
        hooks: Record<string, { matcher: string; hooks: { type: string; command: string; timeout: number }[] }[]>;
      };
      for (const [event, entries] of Object.entries(hooks)) {
        expect(entries).toMatchObject([{ matcher: '*', hooks: [{ type: 'command' }] }]);
        const command = entries[0]?.hooks[0]?.command.replace(/^agentgov /, `${bin} `) ?? '';
        const hook = (input: object): { status: number | null; stdout: string; stderr: string } =>
          spawnSync('/bin/sh', ['-c', command], { input: JSON.stringify(input), encoding: 'utf8' });
        const answer = hook({ hook_event_name: event, duration_ms: 2 * HOUR });
        expect(answer.status, answer.stderr).toBe(0);
        const { hookSpecificOutput } = JSON.parse(answer.stdout);
        expect(hookSpecificOutput.hookEventName).toBe(event);
        expect(hookSpecificOutput.additionalContext).toMatch(
          /"\/srv\/secret": rule "secrets", class file\. Ask first\./,
        );
        if (event !== 'PostToolUseFailure') continue;
        // A tool that began after that has nothing to be told.
        const input = { hook_event_name: event };
        for (const later of [{ ...input, duration_ms: HOUR / 2 }, input])
          expect(hook(later)).toMatchObject({ status: 0, stdout: '' });
        const wrong = hook({ hook_event_name: 'Other' });
        expect(wrong.status, wrong.stderr).toBe(4);
        expect(wrong.stdout).toBe('');
      }
    }
    session.child.kill('SIGTERM');
    expect((await session.result).code).toBe(0);
  });

  it('is nothing under monitor', async () => {
    const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    targets.push(child);
    const session = monitor(install({ bulk: 1 }), ['--pid', String(child.pid)]);
    await session.seen('file_open');
    expect(existsSync(feedbackPath(FOLDER, session.agentId))).toBe(false);
    session.child.kill('SIGTERM');
    expect((await session.result).code).toBe(0);
  });
});
