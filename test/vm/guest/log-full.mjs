// A disk that the agent has filled lets it do nothing that its policy forbids: the policy holds on until the log can be
// written again, or nothing at all happens until then, or the whole tree is killed, as the policy says.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseLog } from './lib/log.mjs';

export const needs = ['dash'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 300;

const PACE_MS = 30;

/** Tries to read KEY for each line that it gets, with a byte in `tries` before and in `leaks` when it could. */
const AGENT = `
  cd "$1"
  i=0
  while read -r line; do
    printf x >> tries
    true < "$2" && printf x >> leaks
    true > "many/$i"
    i=$((i + 1))
  done 2>/dev/null`;

export default async function ({ assert, canary, file, work }) {
  const key = file('key', canary());
  const disk = join(work, 'disk');
  mkdirSync(disk);
  const size = (name) => (existsSync(name) ? statSync(name).size : 0);

  async function session(name, onLogFailure) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', disk]);
    const folder = join(work, name);
    mkdirSync(join(folder, 'many'), { recursive: true });
    const policy = file(
      `${name}.yaml`,
      `version: "1.0"\nmode: enforce\non_log_failure: ${onLogFailure}\npolicies:\n` +
        `  - {name: closed, match: {path: [${key}]}, action: BLOCK}\n`,
    );
    const log = join(disk, 'audit.jsonl');
    const flags = ['--accept', 'leaky-hook', '--output-file', log];
    const child = spawn('agentgov', ['enforce', policy, ...flags, '--', 'dash', '-c', AGENT, 'agent', folder, key]);
    const agentgov = { stderr: '', code: undefined };
    child.stderr.on('data', (text) => {
      agentgov.stderr += text;
    });
    child.stdin.on('error', () => {});
    const pace = setInterval(() => child.stdin.write('try\n'), PACE_MS);
    child.on('exit', (code) => {
      clearInterval(pace);
      agentgov.code = code;
    });
    const until = async (condition, what) => {
      while (!condition()) {
        assert.equal(agentgov.code, undefined, `${what} did not come (exit ${agentgov.code}): ${agentgov.stderr}`);
        await sleep(50);
      }
    };
    const ended = async () => {
      while (agentgov.code === undefined) await sleep(50);
      return agentgov.code;
    };
    const tries = () => size(join(folder, 'tries'));
    const finish = () => {
      clearInterval(pace);
      child.stdin.end();
    };
    return { folder, log, agentgov, until, ended, tries, finish };
  }

  /** Every try was refused, and the log says so or counts it among what it has no place for. */
  async function judge({ folder, log, tries }) {
    assert.equal(size(join(folder, 'leaks')), 0, 'nothing was read');
    const { verifyFile } = await import('/opt/agentgov/dist/index.js');
    const { verdict, reason, events_lost: lost } = await verifyFile(log);
    assert.equal(verdict, 'intact', reason);
    const refused = parseLog(readFileSync(log, 'utf8')).find('file_open', { action: 'BLOCKED', path: key });
    const missing = tries() - refused.length;
    assert.ok(missing <= lost, `${missing} refusals are missing, ${lost} events are said to be lost`);
  }

  const held = await session('held', 'continue');
  await held.until(() => held.agentgov.stderr.includes('the policy holds meanwhile'), 'the full disk');
  const before = held.tries();
  await held.until(() => held.tries() > before + 20, 'more tries');
  execFileSync('mount', ['-o', 'remount,size=32m', disk]);
  await held.until(() => held.agentgov.stderr.includes('can be written again'), 'the room');
  held.finish();
  assert.equal(await held.ended(), 0, held.agentgov.stderr);
  await judge(held);
  execFileSync('umount', [disk]);

  const blocked = await session('blocked', 'block');
  await blocked.until(() => blocked.agentgov.stderr.includes('is denied meanwhile'), 'the full disk');
  await sleep(10 * PACE_MS);
  const reached = blocked.tries();
  const many = () => readdirSync(join(blocked.folder, 'many')).length;
  const made = many();
  await sleep(50 * PACE_MS);
  assert.deepEqual([blocked.tries(), many()], [reached, made], 'the agent did something that nobody could write down');
  execFileSync('mount', ['-o', 'remount,size=32m', disk]);
  await blocked.until(() => blocked.tries() > reached + 20, 'tries that are written down again');
  assert.match(blocked.agentgov.stderr, /can be written again/);
  blocked.finish();
  assert.equal(await blocked.ended(), 0, blocked.agentgov.stderr);
  await judge(blocked);
  const denied = { action: 'BLOCKED', policy_rule: 'self_protection.log_failure', errno: 1 };
  parseLog(readFileSync(blocked.log, 'utf8')).some('file_open', { ...denied, path: join(blocked.folder, 'tries') });
  execFileSync('umount', [disk]);

  const stopped = await session('stopped', 'stop');
  assert.equal(await stopped.ended(), 4, stopped.agentgov.stderr);
  assert.match(stopped.agentgov.stderr, /the agent was stopped \(on_log_failure\): [1-9]\d* killed, 0 live on/);
  const last = stopped.tries();
  await sleep(500);
  assert.equal(stopped.tries(), last, 'nobody goes on');
  await judge(stopped);
  execFileSync('umount', [disk]);
}
