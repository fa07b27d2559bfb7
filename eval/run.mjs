// How good learned policies are, measured on runs that were not learned from:
//
//   npm run eval:learn                     all workloads; recordings are made once and kept in .cache/eval
//   npm run eval:learn -- --only NAME      one (repeatable)
//   npm run eval:learn -- --json FILE      the figures as well
import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { median, removeTemporaryFolders } from '../bench/harness/index.mjs';
import { curveTable, evaluate, freshTable, RULES, resultTable, summary } from './harness/index.mjs';
import { workloads } from './workloads/index.mjs';

/** Of the events of a run that ask for something, and different things in it: the median run of every workload. */
const MOST_BLOCKED = 0.005;
const MOST_FINDINGS = 2;

const USAGE = `usage: npm run eval:learn -- [--only NAME]... [--json FILE]

workloads: ${workloads.map(({ name }) => name).join(' ')}`;

function readOptions() {
  try {
    const options = { only: { type: 'string', multiple: true }, json: { type: 'string' }, help: { type: 'boolean' } };
    const { values } = parseArgs({ options });
    const unknown = values.only?.filter((name) => !workloads.some((workload) => workload.name === name)) ?? [];
    if (unknown.length > 0) throw new Error(`no workload is named ${unknown.join(', ')}`);
    return values;
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

/** One line that rewrites itself, for people; nothing where nobody looks. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function measured(workload) {
  const { runs, seconds, fresh, curve, ...byRule } = await evaluate(workload, progress);
  progress('');
  const of = (rule) => ({ ...summary(byRule[rule].folds), attacks: byRule[rule].attacks });
  return {
    name: workload.name,
    title: workload.title,
    runs,
    events: Math.round(median(byRule.generated.folds.map(({ decided }) => decided))),
    ...Object.fromEntries(RULES.map((rule) => [rule, of(rule)])),
    curve,
    seconds,
    fresh,
  };
}

/** Sentences about what is over its bound. */
function failuresOf({ name, generated: { share, findings, attacks } }) {
  return [
    ...(share.median > MOST_BLOCKED ? [`${name}: ${(share.median * 100).toFixed(2)} % of the events are blocked`] : []),
    ...(findings.median > MOST_FINDINGS ? [`${name}: ${findings.median} different things are blocked`] : []),
    ...(attacks.missed.length > 0 ? [`${name}: not stopped: ${[...new Set(attacks.missed)].join(', ')}`] : []),
  ];
}

/** Shares to four digits, as evidence is kept (test/evidence.ts): eval-learn.json. */
function keepFigures(results, failures) {
  const text = JSON.stringify({ workloads: results, failures }, (_, value) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  );
  if (options.json) writeFileSync(options.json, `${text}\n`);
  const sink = process.env.AGENTGOV_EVIDENCE;
  if (sink) appendFileSync(sink, `${JSON.stringify({ name: 'eval-learn', figures: JSON.parse(text) })}\n`);
}

const options = readOptions();
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const results = [];
try {
  for (const workload of workloads) {
    if (options.only && !options.only.includes(workload.name)) continue;
    results.push(await measured(workload));
    const { name, generated } = results.at(-1);
    console.log(
      `${name}: ${(generated.share.median * 100).toFixed(2)} % blocked, ${generated.findings.median} findings`,
    );
  }
} finally {
  removeTemporaryFolders();
}
const failures = results.flatMap(failuresOf);
console.log(`\n${[resultTable, curveTable, freshTable].map((table) => table(results)).join('\n\n')}`);
for (const failure of failures) console.log(`FAILED: ${failure}`);
keepFigures(results, failures);
process.exitCode = failures.length > 0 ? 1 : 0;
