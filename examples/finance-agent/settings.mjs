import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Everything the agent is told from outside, all by environment variables:
 * MODEL_URL, MODEL_API_KEY, PAYMENTS_URL, PAYMENTS_API_KEY, and optionally FINANCE_CA (a PEM file to trust), FINANCE_LOG
 * (the application log; standard error without it), FINANCE_DOCUMENTS (default: docs/ beside this file) and
 * FINANCE_REPORT (default: report.txt in the working directory).
 */
export function readSettings(env = process.env) {
  const need = (name) => {
    if (!env[name]) throw new Error(`${name} is not set; \`npm run demo\` sets up all that this agent talks to`);
    return env[name];
  };
  return {
    modelUrl: new URL(need('MODEL_URL')),
    modelKey: need('MODEL_API_KEY'),
    paymentsUrl: new URL(need('PAYMENTS_URL')),
    paymentsKey: need('PAYMENTS_API_KEY'),
    ca: env.FINANCE_CA ? readFileSync(env.FINANCE_CA) : undefined,
    logFile: env.FINANCE_LOG,
    documents: env.FINANCE_DOCUMENTS ?? fileURLToPath(new URL('docs', import.meta.url)),
    report: env.FINANCE_REPORT ?? 'report.txt',
  };
}
