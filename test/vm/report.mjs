// What a run says: one line as each test ends, a table at the end, and the whole talk in files.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A test's output, error and artifacts, under `folder`/NAME. */
export function keepResult(folder, result) {
  const target = join(folder, result.name);
  mkdirSync(target, { recursive: true });
  const head = result.error ? `FAILED: ${result.error}\n\n` : '';
  writeFileSync(join(target, 'output.txt'), head + (result.output ?? ''), 'latin1');
  for (const [file, chunks] of Object.entries(result.artifacts ?? {})) {
    writeFileSync(join(target, file), Buffer.concat(chunks));
  }
}

export const state = ({ error, skipped }) => (error ? 'FAIL' : skipped ? 'skip' : 'ok');

const pad = (cells, widths) =>
  cells
    .map((cell, column) => cell.padEnd(widths[column]))
    .join('  ')
    .trimEnd();

/** The runs of one kernel: a row a test, a column a variant; the first rows are the release and the seconds to boot. */
function kernelTable(runs) {
  const names = [...new Set(runs.flatMap(({ results }) => results.map(({ name }) => name)))];
  const cell = (run, name) => {
    const result = run.results.find((candidate) => candidate.name === name);
    return result ? `${state(result)} ${((result.ms ?? 0) / 1000).toFixed(1)}s` : '-';
  };
  const rows = [
    [runs.find(({ release }) => release)?.release ?? runs[0].kernel, ...runs.map(({ variant }) => variant)],
    ['(boot)', ...runs.map(({ bootSeconds }) => (bootSeconds ? `${bootSeconds.toFixed(1)}s` : 'no'))],
    ...names.map((name) => [name, ...runs.map((run) => cell(run, name))]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => pad(row, widths)).join('\n');
}

/** One table a kernel. */
export function table(runs) {
  const kernels = [...new Set(runs.map(({ kernel }) => kernel))];
  return kernels.map((kernel) => kernelTable(runs.filter((run) => run.kernel === kernel))).join('\n\n');
}
