// `npm ci` and the tests of published packages, with the test runners that they use: tape, tap, mocha.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, home, homeEnvironment } from '../harness/workspace.mjs';
import { editScript, sampleOf, wordOf } from './work.mjs';

/** The registry as of a day: the same packages at each preparation. */
const BEFORE = '2026-11-20';
const QUIET = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];

/** Small packages without dependencies: a branch has one that the others do not have. */
const OWN = [
  'ms@2.1.3',
  'bytes@3.1.2',
  'depd@2.0.0',
  'etag@1.8.1',
  'fresh@0.5.2',
  'vary@1.1.2',
  'once@1.4.0',
  'slash@3.0.0',
];

const npm = (args, cwd, env) =>
  execFileSync('npm', [...args, ...QUIET], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });

/**
 * The package as published and what it takes to install it on each branch: `package/`, `N/package.json`,
 * `N/package-lock.json`, `cache/`. Fetched once.
 */
function provisions(spec) {
  const folder = join(cacheFolder('npm'), spec.replace('@', '-'));
  if (existsSync(folder)) return folder;
  const part = `${folder}.part`;
  rmSync(part, { recursive: true, force: true });
  const [unpacked, cache] = [join(part, 'package'), join(part, 'cache')];
  mkdirSync(unpacked, { recursive: true });
  const env = homeEnvironment({ npm_config_cache: cache });
  npm(['pack', spec], part, env);
  const [name, version] = spec.split('@');
  execFileSync('tar', ['xzf', `${name}-${version}.tgz`, '--strip-components=1', '-C', unpacked], { cwd: part });
  const trial = join(part, 'trial');
  cpSync(unpacked, trial, { recursive: true });
  npm(['install', '--ignore-scripts', '--before', BEFORE], trial, env);
  for (const [run, own] of OWN.entries()) {
    const branch = join(part, String(run));
    mkdirSync(branch);
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(trial, file), join(branch, file));
    npm(['cache', 'add', own], branch, env);
    npm(
      ['install', '--package-lock-only', '--prefer-offline', '--ignore-scripts', '--save-dev', '--save-exact', own],
      branch,
      env,
    );
  }
  rmSync(trial, { recursive: true });
  renameSync(part, folder);
  return folder;
}

/**
 * @param {string} spec name@version
 * @param {{source: string[], tests: string[], testFile: (word: string) => string, test: (files: string[]) => string, lint: string}} options
 *   `source`: files that are edited; `testFile` and `test`: where a new test goes, and what runs some of them
 */
const npmWorkload = (spec, { source, tests, testFile, test, lint }) => {
  const name = spec.split('@')[0];
  const project = join(home, 'work', name);
  return {
    name: `npm-${name}`,
    title: `npm ci and npm test of ${spec}`,
    programs: ['node', 'sh'],
    runs: OWN.length,
    async prepare() {
      cpSync(join(provisions(spec), 'cache'), join(home, '.npm'), { recursive: true });
    },
    async run(run, { random, record }) {
      const from = provisions(spec);
      rmSync(project, { recursive: true, force: true });
      cpSync(join(from, 'package'), project, { recursive: true });
      cpSync(join(from, String(run)), project, { recursive: true });
      const word = wordOf(random);
      const own = testFile(word);
      const chosen = sampleOf(tests, 2 + (run % 2), random);
      writeFileSync(join(home, 'new-test.js'), "console.log('TAP version 13\\nok 1\\n1..1');\n");
      const script = [
        `npm ci --offline ${QUIET.join(' ')} || exit 1`,
        ...sampleOf(source, 1 + (run % 2), random).map((file) => editScript(file, random)),
        `cat ../../new-test.js > ${own}`,
        ...(run % 3 === 0 ? [lint] : []),
        test([...chosen, own]),
        'true',
      ].join('\n');
      await record(['sh', '-c', script], { cwd: project, env: homeEnvironment() });
    },
  };
};

export const minimist = npmWorkload('minimist@1.2.8', {
  source: ['index.js', 'example/parse.js', 'test/bool.js', 'test/num.js', 'README.md', 'CHANGELOG.md'],
  tests: [
    'all_bool',
    'bool',
    'dash',
    'default_bool',
    'dotted',
    'kv_short',
    'long',
    'num',
    'parse',
    'proto',
    'short',
  ].map((name) => `test/${name}.js`),
  testFile: (word) => `test/${word}.js`,
  test: (files) => `npx nyc tape ${files.join(' ')}`,
  lint: 'npm run lint',
});

export const findMyWay = npmWorkload('find-my-way@9.1.0', {
  source: [
    'index.js',
    'lib/constrainer.js',
    'lib/node.js',
    'lib/pretty-print.js',
    'lib/strategies/accept-host.js',
    'README.md',
  ],
  tests: [
    'issue-104',
    'issue-110',
    'issue-182',
    'issue-20',
    'issue-234',
    'issue-28',
    'issue-44',
    'issue-62',
    'find',
    'full-url',
    'store',
    'regex',
  ].map((name) => `test/${name}.test.js`),
  testFile: (word) => `test/${word}.test.js`,
  test: (files) => `npx tap --allow-incomplete-coverage ${files.join(' ')}`,
  lint: 'npm run test:lint',
});

export const objectPath = npmWorkload('object-path@0.11.8', {
  source: ['index.js', 'test.js', 'benchmark.js', 'README.md'],
  tests: ['test.js'],
  testFile: (word) => `${word}.test.js`,
  test: (files) => `npx mocha ${files.join(' ')} && npm test`,
  lint: 'npx nyc npm test',
});
