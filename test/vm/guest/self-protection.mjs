// What root in the governed tree tries against agentgov itself: each way is open under monitor, and closed while a policy
// is held that allows everything, in mode audit too.
import { spawn } from 'node:child_process';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waysOf } from './lib/ways.mjs';

export const needs = ['c:self-protection'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 300;

const EPERM = 1;
/** What /proc makes of it. */
const EACCES = 13;
const EXDEV = 18;
const THROUGH_PROC = ['process_memory_file', 'process_folder', 'process_pipe'];
const PACKAGE = '/opt/agentgov';
/** Which rule a way is against, by the beginning of its name; mounts are against that of what they would hide. */
const RULES = ['log', 'policy', 'program', 'control', 'kernel_files', 'process', 'outside', 'kernel'];
const MOUNTS = {
  mount_over_log: 'log',
  mount_over_above: 'program',
  mount_over_program: 'program',
  mount_over_pins: 'control',
  mount_away_pins: 'control',
  mount_again: 'process',
};
const ruleOf = (way) => (way === 'key_read' ? 'keys' : (MOUNTS[way] ?? RULES.find((rule) => way.startsWith(rule))));
/** What mode audit only tells. */
const TOLD = [
  'outside_trace',
  'kernel_bpf',
  'kernel_pin',
  'kernel_module',
  'kernel_kexec',
  'kernel_release_agent',
  'kernel_memory',
  'kernel_core',
];

const EVERYTHING = JSON.stringify({
  version: '1.0',
  policies: [
    { name: 'files', match: { path_prefix: ['/'] }, action: 'ALLOW' },
    {
      name: 'machine',
      match: { event: ['mount', 'ptrace', 'signal', 'kernel_tamper', 'privilege_change'] },
      action: 'ALLOW',
    },
  ],
});

export default async function ({ assert, artifacts, figure, file, monitor, run, work }) {
  const outsider = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const policy = file('policy.yaml', EVERYTHING);
  let session = 0;
  const attempt = async (options) => {
    session += 1;
    const folder = join(artifacts, `session-${session}`);
    mkdirSync(folder);
    for (const name of ['doomed', 'replaced']) writeFileSync(join(PACKAGE, 'dist', name), '');
    const pinned = await run('self-protection', ['pin']);
    assert.equal(pinned.code, 0, pinned.stderr);
    const log = join(folder, 'audit.jsonl');
    const command = [
      'self-protection',
      log,
      policy,
      PACKAGE,
      realpathSync(join(PACKAGE, 'prebuilt/linux-x64/agentgov-loader')),
      '/run/agentgov/self-protection.sock',
      '/var/lib/agentgov/credential.key',
      String(outsider.pid),
      work,
    ];
    const done = await monitor(command, { ...options, path: log });
    return { ...done, ways: waysOf(done.stdout) };
  };
  try {
    const free = await attempt({});
    const refused = [...free.ways].filter(
      ([, { errno }]) => errno === EPERM || errno === EACCES || errno === EXDEV || errno >= 74,
    );
    assert.deepEqual(refused, [], `refused without a policy: ${free.stdout}${free.stderr}`);

    for (const mode of ['enforce', 'audit']) {
      const { ways, log, stdout, stderr } = await attempt({ enforce: policy, args: ['--mode', mode] });
      const isHeld = (way) => !way.startsWith('free_') && !(mode === 'audit' && TOLD.includes(way));
      const expected = [...free.ways].map(([way, { errno }]) => [
        way,
        isHeld(way) ? (THROUGH_PROC.includes(way) ? EACCES : EPERM) : errno,
      ]);
      const found = [...ways].map(([way, { errno }]) => [way, errno]);
      assert.deepEqual(found, expected, `mode ${mode}: ${stdout}${stderr}`);
      for (const [way, { pid }] of ways) {
        const told = log.events.filter((event) => event.pid === pid && event.policy_rule !== undefined);
        if (way.startsWith('free_')) assert.deepEqual(told, [], `${way} is nobody's business`);
        else {
          const action = isHeld(way) ? 'BLOCKED' : 'WOULD_BLOCK';
          const rule = `self_protection.${ruleOf(way)}`;
          const fits = told.some((event) => event.action === action && event.policy_rule === rule);
          assert.ok(fits, `${mode}: no ${action} of ${way} by ${rule}: ${JSON.stringify(told)}`);
        }
      }
    }
    figure('ways', free.ways.size);
  } finally {
    outsider.kill('SIGKILL');
  }
}
