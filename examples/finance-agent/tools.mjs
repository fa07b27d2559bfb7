import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { postJson, readText } from './http.mjs';

const run = promisify(execFile);
const REPORT_SCRIPT = fileURLToPath(new URL('report.sh', import.meta.url));

/** The tools that the agent offers to the model: what the model is told about each, and what each really does. */
export function createTools(settings) {
  return [
    {
      name: 'list_documents',
      description: 'Names of the documents of this month.',
      input_schema: { type: 'object', properties: {} },
      run: async () => (await readdir(settings.documents)).sort().join('\n'),
    },
    {
      name: 'read_document',
      description: 'The text of one document.',
      input_schema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
      run: async ({ name }) => {
        // Only names from the listing, so that the model cannot walk out of the folder.
        if (!(await readdir(settings.documents)).includes(name)) throw new Error(`there is no document ${name}`);
        return asText(name, await readFile(join(settings.documents, name), 'utf8'));
      },
    },
    {
      name: 'run_report',
      description: 'Sums the expenses by category and writes the report.',
      input_schema: { type: 'object', properties: { expenses: { type: 'string' } }, required: ['expenses'] },
      run: async ({ expenses }) => {
        if (!(await readdir(settings.documents)).includes(expenses))
          throw new Error(`there is no document ${expenses}`);
        const { stdout } = await run('sh', [REPORT_SCRIPT, join(settings.documents, expenses), settings.report]);
        return stdout;
      },
    },
    {
      name: 'send_payment',
      description: 'Sends a SEPA payment.',
      input_schema: {
        type: 'object',
        properties: {
          account: { type: 'string' },
          amount: { type: 'string' },
          currency: { type: 'string' },
          reference: { type: 'string' },
        },
        required: ['account', 'amount', 'currency', 'reference'],
      },
      // A connection of its own for each payment: a client without a pool, which is the usual small HTTP helper.
      run: async (input) =>
        readText(
          await postJson(new URL('/v1/payments', settings.paymentsUrl), {
            agent: false,
            ca: settings.ca,
            headers: { authorization: `Bearer ${settings.paymentsKey}` },
            body: input,
          }),
        ),
    },
  ];
}

/** HTML becomes plain text by dropping the tags, as document readers commonly do: text that CSS hides from people stays. */
function asText(name, content) {
  if (!name.endsWith('.html')) return content;
  return content
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
