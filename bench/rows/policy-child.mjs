import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * Reads and compiles a policy twice, and prints what that took in ms of CPU of all threads:
 * `{first: {readMs, compileMs}, again: …, entries}`.
 *
 * usage: policy-child.mjs BUNDLES POLICY
 */
const [bundles, file] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const { compilePolicy, loadPolicy, parseMounts } = require(join(bundles, 'policy.cjs'));
const { optimiseLate, tuneV8 } = require(join(bundles, 'v8.cjs'));

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'));

async function once(half) {
  const begin = cpuMs();
  const policy = await loadPolicy(file);
  const read = cpuMs();
  const compiled = compilePolicy(policy, { homes: ['/root'], mounts, half, accept: [] });
  const compileMs = cpuMs() - read;
  const entries = compiled.tables.reduce((sum, { bytes, size }) => sum + bytes.length / size, 0);
  return { readMs: read - begin, compileMs, entries };
}

// As `enforce` does when it begins.
optimiseLate();
const { entries, ...first } = await once(0);
// As an engine that has begun to record.
tuneV8();
const { entries: _, ...again } = await once(1);
process.stdout.write(JSON.stringify({ first, again, entries }));
