// The table in docs/kernels.md: which guest tests have passed in which boot, as the full lane has seen it
// (docs/evidence/vm-matrix.json). A unit test holds the page to it.
import { KERNELS } from './kernels.mjs';
import { table } from './markdown.mjs';
import { boots, VARIANTS } from './matrix.mjs';

const BEGIN =
  '<!-- What follows is made from docs/evidence/vm-matrix.json: UPDATE_DOCS=1 npx vitest run --project unit test/unit/harness/kernels-doc.test.ts -->\n';
const END = '<!-- Up to here. -->\n';

const HEADS = { 'hook-full': '`hook`, `preempt=full`', 'lsm-full': '`lsm`, `preempt=full`' };

/** The guest tests of one boot by what became of them: { ok, skip, FAIL, unseen }, names each. */
function outcomes(figures, boot, tests) {
  const seen = figures[`${boot.kernel} ${boot.variant.name}`]?.tests ?? {};
  const due = tests.filter(({ variants }) => variants.includes(boot.variant.name));
  const of = (state) => due.filter(({ name }) => (seen[name]?.state ?? 'unseen') === state).map(({ name }) => name);
  return { ok: of('ok'), skip: of('skip'), FAIL: of('FAIL'), unseen: of('unseen') };
}

const words = {
  FAIL: 'failed',
  unseen: 'not run to their end with all counts yet',
  skip: 'have nothing to do there',
};

const MOST_NAMED = 5;
const listed = (tests) => (tests.length > MOST_NAMED ? `${tests.length} tests` : tests.join(', '));

/**
 * @param {{figures: object}} evidence vm-matrix.json
 * @param {{name: string, variants: string[]}[]} tests the guest tests
 */
export function matrixText({ figures }, tests) {
  const variants = VARIANTS.map(({ name }) => name);
  const all = boots(
    KERNELS.map(({ name }) => name),
    variants,
  ).map((boot) => ({ ...boot, label: `${boot.kernel} ${boot.variant.name}`, ...outcomes(figures, boot, tests) }));
  const cell = (kernel, variant) => {
    const boot = all.find((one) => one.kernel === kernel && one.variant.name === variant);
    if (boot === undefined) return 'no such choice';
    const { ok, FAIL, unseen } = boot;
    return `${ok.length} of ${ok.length + FAIL.length + unseen.length}`;
  };
  const head = ['kernel', ...variants.map((name) => HEADS[name] ?? `\`${name}\``)];
  const rows = KERNELS.map(({ name }) => [name, ...variants.map((variant) => cell(name, variant))]);
  const notes = Object.entries(words).flatMap(([state, text]) => {
    const some = all.filter((boot) => boot[state].length > 0);
    if (some.length === 0) return [];
    return [`- ${text}: ${some.map((boot) => `${boot.label} (${listed(boot[state])})`).join('; ')}`];
  });
  return [table(head, rows), ...(notes.length > 0 ? [notes.join('\n')] : [])].join('\n\n');
}

/** The page with that text in its place. @throws Error where the page has no such place */
export function withMatrix(page, text) {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error('docs/kernels.md has no place for the table');
  return `${page.slice(0, from + BEGIN.length)}\n${text}\n\n${page.slice(to)}`;
}
