// A coding agent from npm, whose model is a stand-in that asks for a plan drawn for the run.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENTS, agentProgram, pointAgent, startModel } from '../agents/index.mjs';
import { home, homeEnvironment } from '../harness/workspace.mjs';
import { pick, sampleOf, wordOf } from './work.mjs';

const project = join(home, 'work', 'shop');
const MODULES = ['cart', 'price', 'stock', 'mail', 'search', 'user'];

const { gemini } = AGENTS;
const call = (name, args) => ({ name, args });
const { shell } = gemini;

/** What the model asks for, in turn: it looks around, changes something, tries it, and commits it. */
function planOf(random) {
  const module = pick(MODULES, random);
  const other = pick(MODULES, random);
  const word = wordOf(random);
  const file = join(project, 'src', `${module}.js`);
  const test = join(project, 'test', `${word}.test.js`);
  return [
    call('list_directory', { dir_path: project }),
    ...sampleOf(
      [
        call('glob', { pattern: pick(['**/*.js', 'src/*.js', '**/*.md'], random) }),
        call('grep_search', { pattern: pick(['export', 'return', 'module'], random) }),
        call('read_file', { file_path: join(project, 'src', `${other}.js`) }),
        call('read_file', { file_path: join(project, 'README.md') }),
        shell('git log --oneline -n 5'),
        shell(`wc -l src/*.js | sort -n | tail -n 3`),
      ],
      3,
      random,
    ),
    call('read_file', { file_path: file }),
    call('write_file', { file_path: file, content: `exports.value = ${Math.floor(random() * 100)};\n` }),
    call('write_file', {
      file_path: test,
      content: `require('node:test')('${word}', () => require('../src/${module}.js'));\n`,
    }),
    shell(pick([`node --test test/${word}.test.js`, 'npm test', 'node --test'], random)),
    ...(random() < 0.5
      ? [
          call('replace', {
            file_path: file,
            old_string: 'exports.value',
            new_string: 'exports.total',
            instruction: 'rename',
          }),
        ]
      : []),
    shell(`git switch -q -c ${word} && git add -A && git commit -q -m '${word}'`),
    ...(random() < 0.5 ? [shell('git diff --stat HEAD~1 && git switch -q main')] : []),
  ];
}

let model;

export default {
  name: 'coding-agent',
  title: `a coding agent (Gemini CLI ${gemini.version}) whose model is scripted`,
  programs: ['node', 'sh'],
  madeOf: ['eval/agents'],
  runs: 8,
  async prepare() {
    agentProgram(gemini);
    for (const folder of [join(project, 'src'), join(project, 'test')]) {
      mkdirSync(folder, { recursive: true });
    }
    writeFileSync(join(home, '.gitconfig'), '[user]\n\tname = Ann\n\temail = ann@example.com\n');
    writeFileSync(join(project, 'README.md'), '# Shop\n');
    writeFileSync(join(project, 'package.json'), '{"name": "shop", "scripts": {"test": "node --test"}}\n');
    for (const name of MODULES) writeFileSync(join(project, 'src', `${name}.js`), 'exports.value = 1;\n');
    writeFileSync(
      join(project, 'test', 'all.test.js'),
      "require('node:test')('all', () => require('../src/cart.js'));\n",
    );
    const script = 'git init -q -b main && git add -A && git commit -q -m begin';
    execFileSync('sh', ['-c', script], { cwd: project, env: homeEnvironment() });
    model = await startModel();
  },
  async run(_run, { random, record }) {
    model.plan = planOf(random);
    const { command, env: own } = pointAgent(gemini, { home, url: `http://127.0.0.1:${model.port}` });
    const env = homeEnvironment(own);
    await record(command, { cwd: project, env });
    execFileSync('git', ['switch', '-q', 'main'], { cwd: project, env });
  },
  async finish() {
    model?.close();
    model = undefined;
  },
};
