import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { bypassDoc } from '../../vm/bypass-doc.mjs';
import { WAYS } from '../../vm/guest/lib/bypass-ways.mjs';

const at = (path: string): string => fileURLToPath(new URL(`../../../docs/${path}`, import.meta.url));

it('docs/bypass.md is what the full lane has seen (UPDATE_DOCS=1 writes it)', () => {
  const text = bypassDoc(JSON.parse(readFileSync(at('evidence/vm-matrix.json'), 'utf8')));
  if (process.env.UPDATE_DOCS) writeFileSync(at('bypass.md'), text);
  expect(readFileSync(at('bypass.md'), 'utf8')).toBe(text);
});

const list = (of: readonly { name: string }[]): string => of.map(({ name }) => name).join(' ');
const [first, second, ...others] = WAYS;

/** One boot in which the first way was open under the deny-list and the second is missing. */
const boot = (state: string) => ({
  release: '5.10.0-99',
  tests: {
    bypass: {
      state,
      ways: {
        deny: { stopped: list(others.slice(1)), open: first?.name },
        allow: { stopped: list([...WAYS.slice(0, 1), ...others.slice(1)]), open: '' },
        missing: second?.name,
      },
    },
  },
});

it('claims of a boot what was seen in it, and nothing of one that failed', () => {
  const row = (text: string, name?: string): string[] =>
    text
      .split('\n')
      .find((line) => line.startsWith(`| \`${name}\` |`))
      ?.split(' | ') ?? [];
  const doc = bypassDoc({ figures: { '5.10 lsm': boot('ok'), '6.1 lsm': boot('FAIL') } });
  expect(doc).toContain('| 5.10.0-99 | `lsm` |');
  expect(doc).not.toContain('6.1');
  expect(row(doc, first?.name).at(-1)).toBe('**open** (deny-list) |');
  expect(row(doc, second?.name).at(-1)).toBe('not there |');
  // A way that is younger than the evidence.
  expect(row(doc, others[0]?.name).at(-1)).toBe('not tried |');
  expect(row(doc, others[1]?.name).at(-1)).toBe('stopped |');
});

it('tells tiers apart where they differ', () => {
  const better = structuredClone(boot('ok'));
  better.tests.bypass.ways.deny.stopped += ` ${first?.name}`;
  better.tests.bypass.ways.deny.open = '';
  const doc = bypassDoc({ figures: { '5.10 lsm': better, '5.10 hook': boot('ok') } });
  expect(doc).toContain('lsm: stopped, hook: **open** (deny-list)');
});
