// The jobs of templates/ci, run as a CI system runs them, but for npx: that is this checkout.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { AuditWriter } from '../../../src/audit/index.js';
import { newSigner } from '../../../src/audit/note.js';
import { repo } from '../../support/repo.js';
import { scratch } from '../../support/scratch.js';
import { event } from '../audit/logs.js';
import { install } from '../engine/installed.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = scratch();
const key = newSigner('example.org/host');
let bin: string;

beforeAll(async () => {
  bin = join(folder, 'bin');
  mkdirSync(bin);
  const root = install(undefined);
  // npx --yes --package NAME agentgov WORDS
  writeFileSync(
    join(bin, 'npx'),
    `#!/bin/sh\n[ "$1 $2" = "--yes --package" ] || exit 99\nshift 4\nexec '${process.execPath}' '${join(root, 'bin/agentgov')}' "$@"\n`,
  );
  chmodSync(join(bin, 'npx'), 0o755);
  mkdirSync(join(folder, 'whole', 'audit'), { recursive: true });
  const writer = await AuditWriter.open(join(folder, 'whole', 'audit', 'audit.jsonl'), { checkpoints: { key } });
  for (let index = 1; index < 6; index += 1) writer.append(event(index));
  await writer.close();
});

interface Job {
  readonly env: Record<string, string>;
  readonly scripts: string[];
}

/** The shell commands of a job, and the variables that it sets. */
function jobs(system: 'github' | 'gitlab'): { verify: Job; replay: Job } {
  const file = parse(readFileSync(join(repo, 'templates/ci', `${system}.yml`), 'utf8'));
  if (system === 'gitlab') {
    const env = file['.agentgov'].variables;
    const job = (name: string): Job => ({ env, scripts: file[name].script });
    return { verify: job('agentgov-verify'), replay: job('agentgov-replay') };
  }
  const job = (name: string): Job => ({
    env: file.env,
    scripts: file.jobs[name].steps.flatMap(({ run }: { run?: string }) => run ?? []),
  });
  return { verify: job('verify'), replay: job('replay') };
}

/** Runs a job in a copy of the whole project; `change` makes it another one. */
function run({ env, scripts }: Job, vkey: string, change: (place: string) => void = () => {}) {
  const place = join(folder, `project-${Math.random()}`);
  cpSync(join(folder, 'whole'), place, { recursive: true });
  writeFileSync(join(place, 'agentgov.yaml'), policy('ALLOW'));
  change(place);
  for (const script of scripts) {
    const { status, stderr } = spawnSync('bash', ['-ec', script], {
      cwd: place,
      encoding: 'utf8',
      env: { ...env, AGENTGOV_VKEY: vkey, PATH: `${bin}:${process.env.PATH}`, HOME: folder },
    });
    if (status !== 0) return { status, stderr, place };
  }
  return { status: 0, stderr: '', place };
}

const policy = (file: string): string =>
  `version: "1.0"\nagent_id: finance-agent\ndefault_action: {file: ${file}, exec: ALLOW, network: ALLOW, tool: ALLOW}\npolicies: []\n`;

describe.each(['github', 'gitlab'] as const)('the jobs for %s', (system) => {
  const { verify, replay } = jobs(system);
  const report = system === 'github' ? 'agentgov.sarif' : 'agentgov.xml';

  it('pass for a log as it was written, and a policy that allows it', () => {
    expect(run(verify, '')).toMatchObject({ status: 0 });
    expect(run(verify, key.vkey)).toMatchObject({ status: 0 });
    const { status, stderr, place } = run(replay, '');
    expect(status, stderr).toBe(0);
    expect(existsSync(join(place, report))).toBe(true);
  });

  it('fail for a changed log, a key that did not sign, and a policy that would block', () => {
    const change = (place: string): void => {
      const log = join(place, 'audit', 'audit.jsonl');
      writeFileSync(log, readFileSync(log, 'utf8').replace('docs', 'dogs'));
    };
    expect(run(verify, '', change).status).toBe(1);
    expect(run(verify, newSigner('example.org/other').vkey).status).toBe(1);
    const { status, place } = run(replay, '', (place) => writeFileSync(join(place, 'agentgov.yaml'), policy('BLOCK')));
    expect(status).toBe(1);
    expect(existsSync(join(place, report))).toBe(true);
    expect(run(replay, '', (place) => writeFileSync(join(place, 'agentgov.yaml'), 'x: 1\n')).status).toBe(2);
  });
});
