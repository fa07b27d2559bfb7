#!/usr/bin/env node
// The full lane: everything that acceptance asks for, with all counts, on the whole kernel matrix.
//
//   npm run test:full                     goes on where the last run of the same sources stopped
//   npm run test:full -- --only vm        the steps whose name contains a text (repeatable)
//   npm run test:full -- --only 'vm 6.1' --test bypass   in these boots only the guest tests whose name contains a text
//   npm run test:full -- --fresh          from the start
//   npm run test:full -- --list           what there is, and what has passed
//
// Figures that the tests recorded (test/evidence.ts) become docs/evidence/NAME.json, which is committed.
import { spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { rows as benchRows } from '../bench/rows/index.mjs';
import { accumulated, addRecord } from './evidence-files.mjs';
import { boots, kernelNames, variantNames } from './vm/matrix.mjs';
import { loadTests } from './vm/tests.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const evidenceFolder = join(root, 'docs/evidence');

/**
 * Small enough that little is lost when a run is stopped: a test file, a boot, a row of the bench. `test`: of the guest
 * tests only those, as steps of their own.
 */
function allSteps(test) {
  const vitest = (project, ...files) => ['npx', 'vitest', 'run', '--project', project, ...files];
  const native = readdirSync(join(root, 'test/native'), { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
  return [
    { name: 'check', command: ['npm', 'run', 'check'] },
    { name: 'unit', command: vitest('unit') },
    ...native.map((file) => ({ name: `native ${file}`, command: vitest('native', join('test/native', file)) })),
    ...boots(kernelNames, variantNames).map(({ kernel, variant }) => ({
      name: ['vm', kernel, variant.name, ...(test ? [test] : [])].join(' '),
      command: [
        ...['node', 'test/vm/run.mjs', '--kernel', kernel, '--tier', variant.name],
        ...(test ? ['-t', test] : []),
      ],
    })),
    ...benchRows.map(({ name }) => ({ name: `bench ${name}`, command: ['node', 'bench/run.mjs', '--only', name] })),
    { name: 'eval learn', command: ['node', 'eval/run.mjs'] },
  ];
}

/**
 * What is being tested: { commit, modified, key }. `key` stays the same when only the evidence changes, so that
 * committing figures does not throw away the progress of the run that made them.
 */
async function sources() {
  const git = async (...args) => (await execa('git', args, { cwd: root })).stdout;
  const outside = ['--', '.', ':!docs/evidence'];
  const tree = (await git('ls-tree', '-r', 'HEAD')).split('\n').filter((line) => !line.includes('\tdocs/evidence/'));
  const untracked = (await git('ls-files', '--others', '--exclude-standard', ...outside)).split('\n').filter(Boolean);
  const difference = await git('diff', 'HEAD', ...outside);
  const hash = createHash('sha256').update(tree.join('\n')).update(difference);
  for (const file of untracked) hash.update(file).update(readFileSync(join(root, file)));
  return {
    commit: await git('rev-parse', 'HEAD'),
    modified: difference !== '' || untracked.length > 0,
    key: hash.digest('hex').slice(0, 16),
  };
}

function readJson(file, otherwise) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : otherwise;
}

/** Whole or not at all: the lane may be stopped at any moment. */
function writeJson(file, value) {
  writeFileSync(`${file}.tmp`, `${JSON.stringify(value, undefined, 2)}\n`);
  renameSync(`${file}.tmp`, file);
}

function run(command, env) {
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
}

/** Adds what a step recorded (test/evidence.ts) to what the lane knows. */
function collect(file, figures, commit) {
  if (!existsSync(file)) return;
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean))
    addRecord(figures, JSON.parse(line), commit);
}

function writeEvidence({ figures, steps, seed }, { commit, modified }) {
  mkdirSync(evidenceFolder, { recursive: true });
  const date = new Date().toISOString();
  const origin = { commit, ...(modified && { modified }), date, kernel: release(), cores: cpus().length, seed };
  for (const [name, values] of Object.entries({ ...figures, lanes: steps })) {
    const file = join(evidenceFolder, `${name}.json`);
    const old = readJson(file, {}).figures;
    const now = accumulated(old, values, there);
    // A figure that did not change keeps its date.
    if (JSON.stringify(old) === JSON.stringify(now)) continue;
    writeJson(file, { name, ...origin, figures: now });
  }
}

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    test: { type: 'string' },
    fresh: { type: 'boolean' },
    list: { type: 'boolean' },
  },
});
const origin = await sources();
const there = {
  steps: new Set(allSteps().map(({ name }) => name)),
  tests: new Set((await loadTests()).map(({ name }) => name)),
};
const folder = join(root, '.cache/full');
mkdirSync(folder, { recursive: true });
const progressFile = join(folder, `${origin.key}.json`);
if (options.fresh) rmSync(progressFile, { force: true });
const progress = readJson(progressFile, {
  seed: Number(process.env.AGENTGOV_SEED ?? randomInt(2 ** 31)),
  steps: {},
  figures: {},
});

const wanted = allSteps(options.test).filter(
  ({ name }) => !options.only || options.only.some((text) => name.includes(text)),
);
if (wanted.length === 0) {
  console.error(`no step matches ${options.only.join(', ')}; --list names them`);
  process.exit(2);
}
if (options.list) {
  for (const { name } of wanted) console.log(`${(progress.steps[name]?.state ?? 'to do').padEnd(6)}  ${name}`);
  process.exit(0);
}
console.log(`seed ${progress.seed} (AGENTGOV_SEED=${progress.seed} repeats this run)`);

let stopped = false;
process.on('SIGINT', () => {
  // The running step gets the signal from the terminal as well; it is done again next time.
  stopped = true;
});
for (const { name, command } of wanted) {
  if (progress.steps[name]?.state === 'passed') continue;
  console.log(`\n== ${name}`);
  const sink = join(folder, `${origin.key}.figures`);
  rmSync(sink, { force: true });
  const started = Date.now();
  const ok = await run(command, { AGENTGOV_FULL: '1', AGENTGOV_SEED: String(progress.seed), AGENTGOV_EVIDENCE: sink });
  if (stopped) break;
  const seconds = Math.round((Date.now() - started) / 1000);
  progress.steps[name] = { state: ok ? 'passed' : 'failed', seconds, commit: origin.commit };
  // Of a step that failed too: a row of the bench that is over its bound has measured something.
  collect(sink, progress.figures, origin.commit);
  rmSync(sink, { force: true });
  writeJson(progressFile, progress);
  writeEvidence(progress, origin);
}

const count = (state) => wanted.filter(({ name }) => progress.steps[name]?.state === state).length;
const rest = wanted.length - count('passed') - count('failed');
for (const { name } of wanted) if (progress.steps[name]?.state === 'failed') console.log(`failed: ${name}`);
console.log(`${count('passed')} passed, ${count('failed')} failed, ${rest} skipped`);
process.exitCode = stopped ? 130 : count('failed') > 0 ? 1 : 0;
