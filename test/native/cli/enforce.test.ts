// Enforcing where nothing can be enforced, and policies that cannot be: one sentence, nothing run, nothing logged.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { agentgov, canary, run, scratch } from '../../support/index.js';

const folder = scratch();

function policyFile(text: string): string {
  const path = join(folder, `${canary()}.yaml`);
  writeFileSync(path, `version: "1.0"\n${text}`);
  return path;
}

async function refused(policy: string, code: number, args: string[] = []): Promise<string> {
  const [log, mark] = [join(folder, canary()), join(folder, canary())];
  const ended = await run([agentgov, 'enforce', policy, ...args, '--output-file', log, '--', 'touch', mark]);
  expect(ended.code, ended.stderr).toBe(code);
  expect(ended.stderr.trimEnd().split('\n').length, ended.stderr).toBe(1);
  expect(existsSync(mark)).toBe(false);
  expect(existsSync(log)).toBe(false);
  return ended.stderr;
}

it('is exit 3 in a tier that only observes, and says so', async () => {
  const said = await refused(
    policyFile('default_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: BLOCK}\npolicies: []\n'),
    3,
    ['--tier', 'observe'],
  );
  expect(said).toContain('only observe');
});

it('is exit 2 for a policy with faults', async () => {
  const said = await refused(policyFile('policies: [{name: a, match: {path: [x]}, action: BLOCK}]\n'), 2);
  expect(said).toMatch(/\.yaml:\d+:\d+: /);
});

it('is exit 2 without a policy', async () => {
  const ended = await run([agentgov, 'enforce', '--', 'true']);
  expect(ended.code, ended.stderr).toBe(2);
  expect(ended.stderr).toContain('policy');
});
