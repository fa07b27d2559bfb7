// A coding agent from npm, whose model is a stand-in that asks for a plan drawn for the run.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { repository } from '../../bench/harness/index.mjs';
import { home, homeEnvironment } from '../harness/workspace.mjs';
import { pick, sampleOf, wordOf } from './work.mjs';

const VERSION = '0.57.0';
/** Where test/native/agent.test.ts has it as well. */
const prefix = join(repository, '.cache', 'agents', `gemini-cli-${VERSION}`);
const project = join(home, 'work', 'shop');
const MODULES = ['cart', 'price', 'stock', 'mail', 'search', 'user'];

function install() {
  if (existsSync(join(prefix, 'node_modules', '.bin', 'gemini'))) return;
  mkdirSync(prefix, { recursive: true });
  const args = ['install', '--no-audit', '--no-fund', '--prefix', prefix, `@google/gemini-cli@${VERSION}`];
  execFileSync('npm', args, { stdio: 'ignore', cwd: prefix });
}

const call = (name, args) => ({ functionCall: { name, args } });
const shell = (command) => call('run_shell_command', { command, description: 'work' });

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

/** A model API of the shape that the agent speaks: the next step of the plan, and a word at its end. */
async function startModel() {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const { contents = [] } = JSON.parse(body || '{}');
      const answered = contents.flatMap(({ parts = [] }) => parts).filter((part) => 'functionResponse' in part).length;
      const content = { role: 'model', parts: [server.plan[answered] ?? { text: 'done' }] };
      const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 };
      const text = JSON.stringify({ candidates: [{ content, finishReason: 'STOP', index: 0 }], usageMetadata });
      response.setHeader('content-type', 'text/event-stream');
      response.end(`data: ${text}\r\n\r\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

let model;

export default {
  name: 'coding-agent',
  title: `a coding agent (Gemini CLI ${VERSION}) whose model is scripted`,
  programs: ['node', 'sh'],
  runs: 8,
  async prepare() {
    install();
    for (const folder of [join(project, 'src'), join(project, 'test'), join(home, '.gemini')]) {
      mkdirSync(folder, { recursive: true });
    }
    const settings = {
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
    };
    writeFileSync(join(home, '.gemini', 'settings.json'), JSON.stringify(settings));
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
    const env = homeEnvironment({
      GEMINI_API_KEY: 'none',
      GOOGLE_GEMINI_BASE_URL: `http://127.0.0.1:${model.address().port}`,
    });
    const agent = join(prefix, 'node_modules', '.bin', 'gemini');
    const prompt = ['--yolo', '--skip-trust', '-m', 'gemini-2.5-flash', '-p', 'please work'];
    await record([agent, ...prompt], { cwd: project, env });
    execFileSync('git', ['switch', '-q', 'main'], { cwd: project, env });
  },
  async finish() {
    model?.close();
    model = undefined;
  },
};
