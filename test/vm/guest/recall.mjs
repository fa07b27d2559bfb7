// Recall against strace on git and Python, as test/native/recall.test.ts has it natively.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const programs = 'native/programs';
export const needs = [
  ...['git', 'python3', 'strace'],
  ...['support/recall.ts', 'support/strace.ts', `${programs}/git-workload.sh`, `${programs}/workload.py`].map(
    (path) => `test:${path}`,
  ),
];
export const timeout = 600;

export default async function ({ assert, figure, full, monitor, run, skip, tier, work }) {
  if (!full) skip('a minute of emulation in each boot: in the full lane');
  const { nothing, recall } = await import('/vm/test/support/recall.mjs');
  const { readTrace, straceCommand } = await import('/vm/test/support/strace.mjs');

  async function compare(name, command) {
    const cwd = join(work, name);
    mkdirSync(cwd);
    const trace = join(work, `${name}.strace`);
    const { code, stderr, log } = await monitor(straceCommand(trace, command(cwd)), { cwd });
    assert.equal(code, 0, stderr);
    assert.deepEqual(log.losses(tier), []);
    const { difference, compared, failedOpens } = recall(readTrace(trace, cwd), log.events);
    figure(name, { ...compared, failed_opens: failedOpens.done, failed_not_in_log: failedOpens.missing.length });
    assert.deepEqual(difference, nothing);
    // Nothing was compared with nothing.
    assert.ok(Math.min(compared.execs, compared.opened) > 3);
  }

  const git = `/vm/test/${programs}/git-workload.sh`;
  const origin = join(work, 'origin');
  const made = await run('sh', [git, 'make', origin, '40']);
  assert.equal(made.code, 0, made.stderr);
  await compare('git', () => ['sh', git, 'work', origin]);
  await compare('python', (cwd) => ['python3', `/vm/test/${programs}/workload.py`, cwd]);
}
