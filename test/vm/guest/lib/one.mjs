// Runs one guest test: one.mjs NAME FOLDER. The verdict goes to FOLDER/verdict.json, the talk to stdout and stderr.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeContext, Skip } from './context.mjs';

const [name, folder] = process.argv.slice(2);
const verdict = { figures: {} };
try {
  const { default: test } = await import(`../${name}.mjs`);
  await test(makeContext({ folder, job: JSON.parse(process.env.AGENTGOV_JOB), figures: verdict.figures }));
} catch (error) {
  if (error instanceof Skip) verdict.skipped = error.message;
  else {
    verdict.error = error.message || String(error);
    console.error(error);
  }
}
writeFileSync(join(folder, 'verdict.json'), JSON.stringify(verdict));
// A handle that a failed test left open must not keep its verdict waiting.
process.exit(0);
