import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { matrixText, withMatrix } from '../../vm/kernels-doc.mjs';
import { loadTests } from '../../vm/tests.mjs';

const at = (path: string): string => fileURLToPath(new URL(`../../../docs/${path}`, import.meta.url));

it('docs/kernels.md has what the full lane has seen (UPDATE_DOCS=1 writes it)', async () => {
  const page = readFileSync(at('kernels.md'), 'utf8');
  const text = matrixText(JSON.parse(readFileSync(at('evidence/vm-matrix.json'), 'utf8')), await loadTests());
  if (process.env.UPDATE_DOCS) writeFileSync(at('kernels.md'), withMatrix(page, text));
  expect(readFileSync(at('kernels.md'), 'utf8')).toBe(withMatrix(page, text));
});

it('counts what passed, and names what did not', () => {
  const tests = ['paths', 'results', 'feedback'].map((name) => ({ name, variants: ['lsm'] }));
  const seen = {
    paths: { state: 'ok' },
    results: { state: 'FAIL' },
    feedback: { state: 'skip' },
    gone: { state: 'ok' },
  };
  const text = matrixText({ figures: { '6.1 lsm': { tests: seen } } }, tests);
  const row = (kernel: string): string | undefined => text.split('\n').find((line) => line.startsWith(`| ${kernel} |`));
  expect(row('6.1')).toMatch(/^\| 6\.1 \| 1 of 2 \| 0 of 0 \|/);
  expect(row('5.10')).toContain('| 0 of 3 |');
  expect(row('5.10')).toContain('no such choice');
  expect(text).toContain('- failed: 6.1 lsm (results)');
  expect(text).toContain('- have nothing to do there: 6.1 lsm (feedback)');
  expect(text).toMatch(/not run to their end[^\n]*5\.10 lsm \(paths, results, feedback\)/);
});
