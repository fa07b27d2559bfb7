// What a denied agent may know: inside the governed tree, as the agent's user, by the hook that Claude Code and Codex call.
import { readdirSync } from 'node:fs';

export const needs = ['getent', 'id'];
export const variants = ['lsm'];
export const per = 'turn';
export const timeout = 300;

/** The user "agent" of image.mjs. */
const AGENT = '1000';

/** Asks for what is closed, then for what it may know of that, then tries to change that. */
const ACT = `
  const { spawnSync } = require('node:child_process');
  const fs = require('node:fs');
  const tried = (work) => { try { work(); return 'done'; } catch (error) { return error.code; } };
  const hook = (input) => {
    const { status, stdout, stderr } =
      spawnSync('agentgov', ['feedback', '--hook'], { input: JSON.stringify(input), encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  const before = hook({ hook_event_name: 'PostToolUse' });
  const read = [1, 2, 3].map(() => tried(() => fs.readFileSync(process.env.KEY)));
  const after = hook({ hook_event_name: 'PostToolUseFailure', duration_ms: 3600000 });
  const file = '/run/agentgov/' + process.env.ID + '.feedback.jsonl';
  const changes = {
    write: tried(() => fs.appendFileSync(file, 'x')),
    mode: tried(() => fs.chmodSync(file, 0o666)),
    remove: tried(() => fs.unlinkSync(file)),
    plant: tried(() => fs.writeFileSync('/run/agentgov/other.feedback.jsonl', 'x')),
  };
  console.log(JSON.stringify({ before, read, after, changes, text: fs.readFileSync(file, 'latin1') }));`;

export default async function ({ assert, canary, file, monitor }) {
  const [key, id] = [file('key', `${canary()}\n`), canary()];
  const policy = file(
    'policy.yaml',
    `
version: "1.0"
mode: enforce
policies:
  - {name: closed, match: {path: ["${key}"]}, action: BLOCK, errno: EACCES, guidance: Ask for the key.}
  - {name: other, match: {path: ["/srv/nobody-knows"]}, action: BLOCK}
`,
  );
  const act = file('act.cjs', ACT);
  // Started as by sudo, so that the agent is another user than agentgov.
  const env = { ...process.env, KEY: key, ID: id, SUDO_UID: AGENT, SUDO_GID: AGENT };
  const { code, stdout, stderr, log } = await monitor(['node', act], {
    enforce: policy,
    args: ['--agent-id', id],
    env,
  });
  assert.equal(code, 0, stdout + stderr);
  const { before, read, after, changes, text } = JSON.parse(stdout);
  assert.deepEqual(before, { status: 0, stdout: '', stderr: '' });
  assert.deepEqual(read, ['EACCES', 'EACCES', 'EACCES']);
  assert.equal(after.status, 0, after.stderr);
  const { hookSpecificOutput } = JSON.parse(after.stdout);
  assert.equal(hookSpecificOutput.hookEventName, 'PostToolUseFailure');
  const said = `- file_open (read) "${key}": rule "closed", class file. Ask for the key. [3 times]`;
  assert.ok(hookSpecificOutput.additionalContext.split('\n').includes(said), hookSpecificOutput.additionalContext);
  for (const [what, outcome] of Object.entries(changes)) assert.match(outcome, /^(EACCES|EPERM)$/, what);
  assert.doesNotMatch(text, /nobody-knows/);
  assert.equal(log.find('file_open', { action: 'BLOCKED', path: key, policy_rule: 'closed' }).length, 3);
  assert.deepEqual(readdirSync('/run/agentgov'), ['.loaders']); // which is everybody's, and empty
}
