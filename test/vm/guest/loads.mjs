// agentgov knows which tier this kernel gives, and has seen every one of its probes fire.
export default async function ({ assert, agentgov, tier }) {
  // The report and the verdict of --require in one run: each provokes every probe.
  const { code, stdout, stderr } = await agentgov(['doctor', '--json', '--require', 'lsm']);
  assert.equal(code, tier === 'lsm' ? 0 : 3, stderr + stdout);
  const report = JSON.parse(stdout);
  console.log(JSON.stringify(report, undefined, 1));

  // The observe boot has the same kernel as the hook boot; only the session is told to use less.
  const best = tier === 'observe' ? 'hook' : tier;
  assert.equal(report.tier, best);
  assert.equal(report.tiers.lsm.ok, tier === 'lsm', report.tiers.lsm.why);
  assert.equal(report.tiers.hook.ok, true, report.tiers.hook.why);
  assert.equal(report.tiers.observe.ok, true, report.tiers.observe.why);
  assert.ok(report.probes.length > 5);
  // Before 6.0 trampolines take no structure by value, and path_chown's ids are two: a known gap of 5.10.
  const gap = ({ name }) => name === 'on_path_chown' && report.kernel.startsWith('5.10.');
  const silent = report.probes.filter((probe) => !gap(probe) && (!probe.attached || !probe.fired));
  assert.deepEqual(silent, [], 'probes that are not attached or never fired');
}
