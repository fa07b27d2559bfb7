// Everything the agent meets: a folder for this run, a certificate, API keys, and the two stand-ins as processes of their
// own, outside the governed tree.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createCertificate } from '../finance-agent/standins/certificates.mjs';

const DOCUMENTS = fileURLToPath(new URL('../finance-agent/docs', import.meta.url));
/** The document that holds text which people do not see. */
const HIJACKED = 'invoice-2041.html';

const standin = (name) => fileURLToPath(new URL(`../finance-agent/standins/${name}.mjs`, import.meta.url));

/**
 * Sets the stage in a new folder (in `keepIn`, when given, which then stays).
 * @param {{keepIn?: string, signal: AbortSignal}} options `signal` ends the stand-ins
 */
export async function setStage({ keepIn, signal }) {
  const folder = makeFolder(keepIn);
  const standins = [];
  const files = {
    audit: join(folder, 'audit.jsonl'),
    tampered: join(folder, 'tampered.jsonl'),
    screen: join(folder, 'monitor.stdout'),
    modelRecord: join(folder, 'model-api.jsonl'),
    paymentRecord: join(folder, 'payment-api.jsonl'),
    appLog: join(folder, 'agent', 'app.log'),
    report: join(folder, 'agent', 'report.txt'),
    documents: join(folder, 'documents'),
    profile: join(folder, 'profile.json'),
    policy: join(folder, 'policy.yaml'),
  };
  const stop = async () => {
    await Promise.all(standins.map(stopStandin));
    if (!keepIn) rmSync(folder, { recursive: true, force: true });
  };
  try {
    cpSync(DOCUMENTS, files.documents, { recursive: true });
    const certificate = await createCertificate(folder);
    const keys = { model: `sk-demo-${randomBytes(24).toString('hex')}`, payments: randomBytes(24).toString('hex') };
    const start = async (name, key, record) => {
      const { child, address, port } = await startStandin(standin(name), { certificate, key, record, signal });
      standins.push(child);
      return { address, port };
    };
    const model = await start('model-api', keys.model, files.modelRecord);
    const payments = await start('payment-api', keys.payments, files.paymentRecord);
    const environment = {
      MODEL_URL: `https://localhost:${model.port}`, // by name: the agent resolves it
      MODEL_API_KEY: keys.model,
      PAYMENTS_URL: `https://${payments.address}:${payments.port}`,
      PAYMENTS_API_KEY: keys.payments,
      FINANCE_CA: certificate.cert,
      FINANCE_LOG: files.appLog,
      FINANCE_REPORT: files.report,
      FINANCE_DOCUMENTS: files.documents,
    };
    const invoice = join(files.documents, HIJACKED);
    const delivered = readFileSync(invoice, 'utf8');
    /** The documents of an ordinary day, and the same with what the invoice holds that arrives one morning. */
    const setDocuments = (kind) => writeFileSync(invoice, kind === 'clean' ? withoutOrders(delivered) : delivered);
    return { folder, files, keys, model, payments, environment, setDocuments, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The same invoice without the order to pay. */
const withoutOrders = (html) => html.replace(/send \d+ payments[^<]*/gi, '');

/** The agent can write in agent/ only: under sudo it runs as the user who typed the command. */
function makeFolder(keepIn) {
  if (keepIn) mkdirSync(keepIn, { recursive: false, mode: 0o755 });
  const folder = keepIn ?? mkdtempSync(join(tmpdir(), 'agentgov-demo-'));
  chmodSync(folder, 0o755);
  const own = join(folder, 'agent');
  mkdirSync(own, { mode: 0o700 });
  const { SUDO_UID, SUDO_GID } = process.env;
  if (SUDO_UID && SUDO_GID) chownSync(own, Number(SUDO_UID), Number(SUDO_GID));
  return folder;
}

async function startStandin(script, { certificate, key, record, signal }) {
  const child = spawn(process.execPath, [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      STANDIN_CERT: certificate.cert,
      STANDIN_KEY: certificate.key,
      STANDIN_RECORD: record,
      STANDIN_API_KEY: key,
    },
    signal,
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'close').then(() => {
    throw new Error(`the stand-in ${script} did not start`);
  });
  const [line] = await Promise.race([once(lines, 'line'), ended]);
  ended.catch(() => {}); // from here its end is what we ask for
  return { child, ...JSON.parse(line) };
}

async function stopStandin(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.stdin.end();
  await closed;
}
