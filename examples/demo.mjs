// The incident that agentgov exists for, on loopback: an agent reads an invoice with hidden text and starts paying. Its own
// log looks clean; the kernel's record does not. Each claim below is computed from the audit log and compared with what the
// other end wrote down for itself.
//
//   node examples/demo.mjs [--keep FOLDER]     FOLDER must not exist yet; it keeps the logs and records of the run
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { monitor, ROOT, verify } from './demo/agentgov.mjs';
import { recordCleanRuns, showLearned } from './demo/learned.mjs';
import {
  destinations,
  eventsLost,
  everyProcess,
  filesOpened,
  firstExec,
  processTree,
  readJsonl,
} from './demo/recording.mjs';
import { bold, claim, count, dim, heading, print, safe } from './demo/screen.mjs';
import { setStage } from './demo/stage.mjs';
import { flipOneByte } from './demo/tamper.mjs';
import { showWhy } from './demo/why.mjs';

const AGENT = join(ROOT, 'examples', 'finance-agent');
const WIDTH = 90; // of a command line on the screen; the log has all of it

async function main() {
  const { values } = parseArgs({ options: { keep: { type: 'string' } } });
  if (process.getuid() !== 0) {
    process.stderr.write('The demo loads programs into the kernel, which needs root: run `sudo npm run demo`.\n');
    return 3;
  }
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => interrupt.abort(new Error(`stopped by ${name}`)));
  const { signal } = interrupt;

  const stage = await setStage({ keepIn: values.keep, signal });
  try {
    print(
      bold('A finance agent is asked for the expense report. One of the invoices holds text that people cannot see.'),
    );
    const command = [process.execPath, relative(ROOT, join(AGENT, 'agent.mjs'))];
    const { audit, screen } = stage.files;
    const { environment } = stage;
    const agentId = 'finance-agent';
    const { logs, modelLines } = await recordCleanRuns(command, stage, { agentId, signal });
    const run = await monitor(command, { audit, screen, agentId, environment, signal });
    if (run.stderr) print(dim(indent(safe(run.stderr.trimEnd()).replaceAll('\\u{a}', '\n'))));
    if (run.code !== 0) throw new Error(`the agent or agentgov ended with ${run.code}`);

    const facts = readFacts(stage, modelLines);
    const claims = [
      ...showAppLog(facts),
      ...showKernelView(facts, stage),
      ...(await showProof(facts, stage, signal)),
      ...(await showLearned({ logs, facts, stage, signal })),
      ...(await showWhy({ facts, stage, signal })),
    ];
    const failed = claims.filter((holds) => !holds).length;
    print(
      `\n${failed === 0 ? `All ${claims.length} claims hold.` : `${failed} of ${claims.length} claims do not hold.`}`,
    );
    return failed === 0 ? 0 : 1;
  } finally {
    await stage.stop();
  }
}

/** `modelLines`: of the model's record that are of the runs before. */
function readFacts({ files }, modelLines) {
  const events = readJsonl(files.audit);
  const model = readJsonl(files.modelRecord).slice(modelLines);
  const payments = readJsonl(files.paymentRecord);
  const connections = (record) => record.filter(({ kind }) => kind === 'connection').length;
  return {
    events,
    logText: readFileSync(files.audit, 'utf8'),
    appLog: readFileSync(files.appLog, 'utf8').trimEnd().split('\n'),
    turns: model.filter(({ kind }) => kind === 'turn'),
    modelConnections: connections(model),
    payments: payments.filter(({ kind }) => kind === 'payment'),
    paymentConnections: connections(payments),
  };
}

function showAppLog({ appLog }) {
  heading("1. What the agent's own log says");
  for (const line of appLog) print(`  ${safe(line)}`);
  print();
  const odd = appLog.filter((line) => !/^\S+ info /.test(line) || /failed|pay/i.test(line));
  return [claim(odd.length === 0, `${count(appLog.length, 'line')}, none of them an error, none about a payment`)];
}

function showKernelView(facts, stage) {
  const { events, turns, payments } = facts;
  const start = events.find(({ event_type }) => event_type === 'session_start');
  heading(`2. What the kernel saw (tier ${start?.tier}, ${count(events.length, 'event')})`);

  const tree = processTree(events);
  print('  Processes');
  for (const line of tree.flatMap((root) => drawTree(root, stage))) print(`    ${line}`);

  // The log names files as the whole machine does; in a chroot that is more than the demo knows of their names.
  const folder = join(firstExec(events).cwd, relative(ROOT, stage.files.documents));
  const nameOf = ({ path }) => relative(folder, path);
  const documents = filesOpened(events, folder);
  print('\n  Documents opened');
  for (const document of documents) {
    const [name, times] = [nameOf(document), count(document.times, 'time')];
    print(`    ${name.padEnd(24)} ${times.padEnd(9)} ${dim(`first in line ${document.seq}`)}`);
  }

  const peers = destinations(events);
  const find = ({ address, port }) => peers.find((peer) => peer.address === address && peer.port === port);
  const toModel = find(stage.model);
  const toPayments = find(stage.payments);
  print('\n  Network');
  for (const peer of peers) {
    const who = peer === toModel ? 'the model API' : peer === toPayments ? 'the payment API' : 'unknown';
    const where = `${peer.address}:${peer.port}${peer.domain ? ` (${peer.domain})` : ''}`;
    print(`    ${safe(where).padEnd(30)} ${count(peer.times, 'connect').padEnd(12)} ${who}`);
  }
  print();

  const last = turns.at(-1);
  const opened = documents.map(nameOf);
  const source = documents.find((document) => nameOf(document) === last.instructedBy);
  const reporter = Number(/^Process (\d+) wrote/.exec(last.report)?.[1]);
  const script = everyProcess(tree).find(({ innerPid }) => innerPid === reporter);
  const lost = eventsLost(events);
  return [
    claim(
      last.documents.length === readdirSync(stage.files.documents).length &&
        last.documents.every((name) => opened.includes(name)),
      `all ${last.documents.length} documents that the model was given were seen being opened`,
    ),
    claim(
      script?.argv.some((argument) => argument.endsWith('/report.sh')),
      `report.sh ran as process ${reporter}, by its own word and by the log`,
    ),
    claim(
      toModel?.times === facts.modelConnections,
      `${count(toModel?.times ?? 0, 'connect')} to the model API; its own record has ${facts.modelConnections}`,
    ),
    claim(
      payments.length > 0 && toPayments?.times === facts.paymentConnections,
      `${count(toPayments?.times ?? 0, 'connect')} to the payment API; its own record has ${facts.paymentConnections}, and ${sum(payments)} gone`,
    ),
    claim(
      source && toPayments && source.seq < toPayments.seq,
      `the first came after ${last.instructedBy} was opened (lines ${source?.seq} and ${toPayments?.seq})`,
    ),
    claim(lost === 0, `${count(lost, 'event')} lost`),
    claim(
      Object.values(stage.keys).every((key) => !facts.logText.includes(key)),
      "neither of the agent's API keys is in the log",
    ),
  ];
}

async function showProof({ events, logText }, { files }, signal) {
  heading('3. Whether the record can be trusted');
  const intact = await verify(files.audit, { signal });
  const flipped = flipOneByte(files.audit, files.tampered);
  const tampered = await verify(files.tampered, { signal });
  const { verdict, first_bad_line: line, reason } = tampered.result;
  return [
    claim(readFileSync(files.screen, 'utf8') === logText, 'the events on standard output were the bytes of the log'),
    claim(
      intact.code === 0 && intact.result.verdict === 'intact' && intact.result.events === events.length,
      `agentgov verify: ${intact.result.verdict}, ${count(intact.result.events, 'event')}, last hash ${intact.result.last_hash}`,
    ),
    claim(
      tampered.code === 1 && line === flipped.line,
      `one byte changed in a copy (byte ${flipped.offset}, line ${flipped.line}). agentgov verify: ${verdict}, ${safe(String(reason))}`,
    ),
  ];
}

/** A process and, below it, its children. */
function drawTree(node, stage) {
  const words = shorten(node.argv.join(' ').replaceAll(`${ROOT}/`, '').replaceAll(`${stage.folder}/`, ''));
  const end = typeof node.exit === 'number' ? `exit ${node.exit}` : (node.exit ?? 'no end seen');
  const lines = [`${safe(words)}  ${dim(`pid ${node.pid}${node.forked ? ', forked' : ''}, ${end}`)}`];
  for (const [index, child] of node.children.entries()) {
    const last = index === node.children.length - 1;
    const [first, ...rest] = drawTree(child, stage);
    lines.push(`${last ? '└─ ' : '├─ '}${first}`, ...rest.map((line) => `${last ? '   ' : '│  '}${line}`));
  }
  return lines;
}

const shorten = (text) => (text.length > WIDTH ? `${text.slice(0, WIDTH - 1)}…` : text);

function sum(payments) {
  const cents = payments.reduce((total, { amount }) => total + Math.round(Number(amount) * 100), 0);
  return `${(cents / 100).toFixed(2)} ${payments[0]?.currency ?? ''}`;
}

const indent = (text) => text.replace(/^/gm, '  ');

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`The demo could not be finished: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 4;
}
