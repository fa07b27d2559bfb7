// A Node agent with tools: it reads the documents of another month each time and makes the report.
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../bench/harness/index.mjs';
import { setStage } from '../../examples/demo/stage.mjs';
import { home, homeEnvironment } from '../harness/workspace.mjs';
import { pick } from './work.mjs';

const agent = join(home, 'finance-agent');
let stage;

/** The documents of a month: their names are the suppliers' and the accountants'. */
function writeDocuments(folder, run, random) {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  const month = `2026-${String(run + 1).padStart(2, '0')}`;
  const write = (name, text) => writeFileSync(join(folder, name), text);
  write('payment-terms.md', 'Thirty days.\n');
  write(`expenses-${month}.csv`, 'date,category,amount\n2026-04-01,travel,120.50\n2026-04-02,food,31.20\n');
  for (let left = 2 + Math.floor(random() * 4); left > 0; left--) {
    write(`invoice-${2000 + Math.floor(random() * 999)}.html`, '<p>Invoice</p>\n');
  }
  write(
    pick([`note-${month}.md`, `${month}-reminder.md`, `letter-${Math.floor(random() * 99)}.md`], random),
    'Note.\n',
  );
}

export default {
  name: 'finance-agent',
  title: 'a Node agent with tools (examples/finance-agent), other documents each month',
  programs: ['node', 'sh'],
  madeOf: ['examples/finance-agent', 'examples/demo/stage.mjs'],
  runs: 8,
  async prepare() {
    stage = await setStage({ keepIn: join(home, 'finance'), signal: new AbortController().signal });
    cpSync(join(repository, 'examples', 'finance-agent'), agent, { recursive: true });
  },
  async run(run, { random, record }) {
    writeDocuments(stage.files.documents, run, random);
    const own = join(stage.folder, 'agent');
    for (const name of readdirSync(own)) rmSync(join(own, name));
    await record(['node', join(agent, 'agent.mjs')], { cwd: own, env: homeEnvironment(stage.environment) });
  },
  async finish() {
    await stage?.stop();
    stage = undefined;
  },
};
