#!/usr/bin/env node
// The kernel matrix: boots real Debian kernels under emulation and runs the guest tests in each.
//
//   npm run test:vm                                        oldest and newest kernel, as npm test runs them
//   npm run test:vm -- --kernel 6.12 --tier hook -t paths  one boot, one test
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { buildImage } from './image.mjs';
import { KERNELS, kernelImage } from './kernels.mjs';
import { boot } from './machine.mjs';
import { boots, kernelNames, sampled, variantNames } from './matrix.mjs';
import { cacheFolder } from './places.mjs';
import { keepResult, state, table } from './report.mjs';
import { loadTests } from './tests.mjs';

const USAGE = `usage: npm run test:vm -- [options]
  --kernel NAME   ${kernelNames.join(', ')} or all (repeatable; default: the oldest and the newest)
  --tier NAME     ${variantNames.join(', ')} (repeatable; default: all)
  -t, --test TEXT only tests whose name contains TEXT (repeatable)
  --jobs N        machines at a time (default: one a core, at most 2)
  --list          say what would run`;

function usage(message) {
  console.error(`${message}\n${USAGE}`);
  process.exit(2);
}

function readOptions() {
  const string = { type: 'string', multiple: true };
  const options = {
    kernel: string,
    tier: string,
    test: { ...string, short: 't' },
    jobs: { type: 'string' },
    list: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  };
  let values;
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    usage(error.message);
  }
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const known = (given, names, what) => {
    const wrong = given.find((name) => !names.includes(name));
    if (wrong !== undefined) usage(`no ${what} "${wrong}"`);
    return given;
  };
  const everywhere = values.kernel?.includes('all') ? kernelNames : values.kernel;
  const jobs = Number(values.jobs ?? Math.min(2, availableParallelism()));
  if (!Number.isInteger(jobs) || jobs < 1) usage(`--jobs takes a number, not "${values.jobs}"`);
  return {
    kernels: known(everywhere ?? [KERNELS[0].name, KERNELS.at(-1).name], kernelNames, 'kernel'),
    variants: known(values.tier ?? variantNames, variantNames, 'tier'),
    filters: values.test ?? [],
    // Who asks for certain boots or tests gets them all.
    sample: process.env.AGENTGOV_FULL !== '1' && !values.kernel && !values.tier && !values.test,
    list: values.list ?? false,
    jobs,
  };
}

/** One machine from boot to end: { kernel, variant, release, bootSeconds, results }. */
async function runBoot({ kernel, variant, tests, image, settings }) {
  const label = `${kernel.name} ${variant.name}`;
  const folder = join(cacheFolder('vm-logs'), `${kernel.name}-${variant.name}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });

  const run = { kernel: kernel.name, variant: variant.name, results: [] };
  const artifacts = {};
  const finish = (result) => {
    run.results.push(result);
    keepResult(folder, { ...result, artifacts: artifacts[result.name] });
    const why = result.error ?? result.skipped;
    console.log(`${state(result).padEnd(4)} ${label}: ${result.name}${why ? `: ${why.split('\n')[0]}` : ''}`);
  };
  const onFrame = (message, seconds) => {
    if (message.kind === 'boot') {
      [run.release, run.bootSeconds] = [message.release, seconds];
    } else if (message.kind === 'artifact') {
      artifacts[message.name] ??= {};
      artifacts[message.name][message.file] ??= [];
      artifacts[message.name][message.file].push(Buffer.from(message.data, 'base64'));
    } else if (message.kind === 'end') {
      finish(message);
    }
  };
  const outcome = await boot({
    kernel,
    variant,
    image,
    tests: tests.map(({ name, timeout }) => ({ name, timeout })),
    settings,
    folder,
    onFrame,
  });
  // What did not come to an end has failed, whatever the reason; the first of them was the one that ran.
  const missing = tests.filter(({ name }) => !run.results.some((result) => result.name === name));
  for (const { name } of missing) finish({ name, error: outcome.end });
  if (outcome.end && missing.length === 0) finish({ name: 'machine', error: outcome.end });
  return run;
}

/** The longest first, so that no machine is left alone with it at the end. The results are in the order of the items. */
async function inParallel(items, limit, length, work) {
  const results = [];
  const queue = [...items.entries()].sort(([, a], [, b]) => length(b) - length(a)).values();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}

/** Figures go where the other tests' go (test/evidence.ts), one key a boot: those of a test with `evidence` into its own file. */
function keepFigures(runs) {
  if (!process.env.AGENTGOV_EVIDENCE) return;
  const keep = (name, boot, figures) =>
    appendFileSync(process.env.AGENTGOV_EVIDENCE, `${JSON.stringify({ name, boot, figures })}\n`);
  const own = new Map(wanted.map(({ name, evidence }) => [name, evidence]));
  for (const { kernel, variant, release, bootSeconds, results } of runs) {
    const boot = `${kernel} ${variant}`;
    const tests = {};
    for (const result of results) {
      const { name, ms, figures } = result;
      const file = own.get(name);
      if (file !== undefined && !result.error) keep(file, boot, { release, ...figures });
      tests[name] = { state: state(result), ms, ...(file === undefined && figures) };
    }
    keep('vm-matrix', boot, { release, boot_s: Number(bootSeconds?.toFixed(1)), tests });
  }
}

const options = readOptions();
const wanted = (await loadTests()).filter(
  ({ name }) => options.filters.length === 0 || options.filters.some((text) => name.includes(text)),
);
if (wanted.length === 0) usage(`no test matches ${options.filters.join(', ')}`);

const seed = Number(process.env.AGENTGOV_SEED ?? Math.floor(Math.random() * 2 ** 31));
const whole = boots(options.kernels, options.variants)
  .map((one) => ({ ...one, tests: wanted.filter(({ variants }) => variants.includes(one.variant.name)) }))
  .filter(({ tests }) => tests.length > 0);
const plan = options.sample ? sampled(whole, seed) : whole;
if (options.list) {
  for (const { kernel, variant, tests } of plan) {
    console.log(`${kernel} ${variant.name}: ${tests.map(({ name }) => name).join(' ')}`);
  }
  process.exit(0);
}

const settings = { seed, full: process.env.AGENTGOV_FULL === '1' };
console.log(`seed ${seed} (AGENTGOV_SEED=${seed} repeats this run)`);

const image = join(cacheFolder('vm'), `image-${process.pid}.cpio`);
let failed = 0;
// Neither a machine nor its image of 150 MB outlives this run, however it ends.
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
]) {
  process.once(signal, () => process.exit(128 + number));
}
process.once('exit', () => rmSync(image, { force: true }));
try {
  await buildImage(image, wanted);
  const atMost = ({ tests }) => tests.reduce((seconds, { timeout }) => seconds + timeout, 0);
  const runs = await inParallel(plan, options.jobs, atMost, async ({ kernel, variant, tests }) =>
    runBoot({ kernel: await kernelImage(kernel), variant, tests, image, settings }),
  );
  keepFigures(runs);
  const results = runs.flatMap((run) => run.results);
  const count = (word) => results.filter((result) => state(result) === word).length;
  failed = count('FAIL');
  console.log(`\n${table(runs)}\n\nlogs: ${relative(process.cwd(), cacheFolder('vm-logs'))}`);
  console.log(`${count('ok')} passed, ${failed} failed, ${count('skip')} skipped`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 4;
}
if (failed > 0) process.exitCode = 1;
