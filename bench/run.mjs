import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import {
  accountingMethod,
  isWithin,
  probeAgentgov,
  releaseGroups,
  removeTemporaryFolders,
  repository,
  rowText,
  useAgentgov,
} from './harness/index.mjs';
import { rows } from './rows/index.mjs';

const USAGE = `usage: npm run bench -- [--only ROW]... [--pairs N] [--json FILE] [--agentgov FILE]

rows: ${rows.map(({ name }) => name).join(' ')}`;

const options = readOptions();
if (options.agentgov) useAgentgov(options.agentgov);

/** 1: a bound is broken; 3: a row could not be measured here; 0: neither. */
async function main() {
  const chosen = rows.filter(({ name }) => !options.only || options.only.includes(name));
  const subject = chosen.some(({ needsAgentgov }) => needsAgentgov) ? await probeOrExplain() : {};
  const report = { ...machine(), agentgov: subject, rows: [] };
  let status = 0;
  for (const row of chosen) {
    if (row.needsAgentgov && subject.problem) {
      console.log(`${row.name}: not measured: ${subject.problem}\n`);
      report.rows.push({ name: row.name, problem: subject.problem });
      status = 3;
      continue;
    }
    const measured = { name: row.name, ...(await row.run({ pairs: options.pairs ?? row.defaultPairs, progress })) };
    console.log(`${rowText(measured)}\n`);
    keepFigures(measured);
    report.rows.push(measured);
    if (measured.failures?.length || !measured.lines.every(({ measures }) => measures.every(isWithin))) status ||= 1;
    // After each row: a bench of half an hour that is interrupted keeps what it has.
    if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
  }
  return status;
}

/** The table in the full lane's evidence (test/evidence.ts): bench-ROW.json. */
function keepFigures({ name, workload, lines, facts = [], failures = [] }) {
  if (!process.env.AGENTGOV_EVIDENCE) return;
  const rounded = (value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);
  const table = lines.map(({ label, measures, lost, note }) => ({
    label,
    ...Object.fromEntries(
      measures.map(({ name: column, median, low, high, mad, pairs, bound }) => [
        column,
        Object.fromEntries(
          Object.entries({ median, low, high, mad, pairs, bound })
            .filter(([, value]) => value !== undefined)
            .map(([key, value]) => [key, rounded(value)]),
        ),
      ]),
    ),
    ...(lost === undefined ? {} : { lost }),
    ...(note === undefined ? {} : { note }),
  }));
  const figures = { workload, lines: table, facts, failures };
  appendFileSync(process.env.AGENTGOV_EVIDENCE, `${JSON.stringify({ name: `bench-${name}`, figures })}\n`);
}

async function probeOrExplain() {
  try {
    return await probeAgentgov();
  } catch (error) {
    return { problem: error.message };
  }
}

function machine() {
  const git = (...args) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();
  return {
    commit: git('rev-parse', 'HEAD'),
    date: new Date().toISOString(),
    kernel: release(),
    cores: cpus().length,
    cpu: cpus()[0].model,
    node: process.version,
    accounting: accountingMethod(),
  };
}

/** One line that rewrites itself, for people; nothing where nobody looks. */
function progress(label) {
  return (done, pairs) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r\x1b[K${label}: pair ${done} of ${pairs}${done === pairs ? '\r\x1b[K' : ''}`);
  };
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        pairs: { type: 'string' },
        json: { type: 'string' },
        agentgov: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const unknown = values.only?.filter((name) => !rows.some((row) => row.name === name)) ?? [];
    if (unknown.length) throw new Error(`no row is named ${unknown.join(', ')}`);
    const pairs = values.pairs === undefined ? undefined : Number(values.pairs);
    if (pairs !== undefined && !(Number.isInteger(pairs) && pairs > 0))
      throw new Error('--pairs takes a number from 1');
    return { ...values, pairs };
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

try {
  process.exitCode = await main();
} finally {
  removeTemporaryFolders();
  releaseGroups();
}
