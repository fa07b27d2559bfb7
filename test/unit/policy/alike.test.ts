import { expect, it } from 'vitest';
import { readAlike } from '../../../src/policy/language/alike.js';
import { readSource, readWhole } from '../../../src/policy/language/source.js';
import { random, scaled } from '../../scale.js';

const HEAD = 'version: "1.0" # of the language\ndefault_action: {file: BLOCK}\n';
const TAIL = 'alerts: [{syslog: local}]\n';

type Draw = () => number;
const pick = <T>(draw: Draw, of: readonly T[]): T => of[Math.floor(draw() * of.length)] as T;

/** What a rule may name: much of it means something to YAML where it is not between quotes. */
const TEXTS = [
  '/a',
  '~/x',
  '# no',
  ': x',
  '- y',
  '{[]}',
  "it's",
  '',
  ' ',
  '&a',
  '*b',
  '!c',
  '| d',
  'null',
  '12',
  'ä→𝄞',
  '...',
];
const WORDS = ['a', 'rule_7', 'x-y', 'null', 'True', 'nullable', '_'];
const ACTIONS = ['ALLOW', 'BLOCK'];

/** Ways to write a rule, each with what the generator has made of it. */
const STYLES: readonly ((draw: Draw, name: string) => string)[] = [
  (draw, name) =>
    `  - name: ${name}\n    match: {path: ["${pick(draw, TEXTS)}", "${pick(draw, TEXTS)}"]}\n    action: ${pick(draw, ACTIONS)}\n`,
  (draw, name) => `  - {name: ${name}, match: {exe: ["${pick(draw, TEXTS)}"]}, action: "${pick(draw, ACTIONS)}"}\n\n`,
  (draw, name) =>
    `  # ${pick(draw, TEXTS)}\n  - name: "${name}"\n    match:\n      path:\n        - "${pick(draw, TEXTS)}"\n`,
  (draw, name) =>
    `  - name: ${name}\n    port: [${pick(draw, [80, 443])}]\n    guidance: '${pick(draw, ['a "b" c', 'x'])}'\n`,
  (_, name) => `  - match:\n      {}\n    name: ${name}\n`,
];

function policyOf(draw: Draw, styles: typeof STYLES): string {
  const rules = Array.from({ length: 120 }, (_, n) =>
    pick(draw, styles)(draw, draw() < 0.1 ? pick(draw, WORDS) : `r${n}`),
  );
  return `${HEAD}policies:\n${rules.join('')}${pick(draw, ['', TAIL])}`;
}

/** Every path of a value, that of a key that is not there among them. */
function pathsOf(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries((value ?? {}) as object);
  const below = typeof value === 'object' ? entries.flatMap(([key, one]) => pathsOf(one, [...path, key])) : [];
  return [path, [...path, 'none'], ...below];
}

function expectSame(text: string): boolean {
  const alike = readAlike(text);
  const whole = readWhole(text);
  const source = readSource(text);
  // Characters and depth are looked at before.
  if (alike === undefined || source.value === undefined) return false;
  expect(whole.problems).toEqual([]);
  expect(source.value).toEqual(whole.value);
  // In all parts of the policy, and of its rules.
  for (const path of pathsOf(whole.value).filter((_, at) => at % 7 === 0)) {
    const key = String(path.at(-1) ?? 'version');
    const where = (of: typeof whole) => ({ path, at: of.at(path), key: of.atKey(path.slice(0, -1), key) });
    expect(where(source)).toEqual(where(whole));
  }
  return true;
}

it('reads rules that are written alike as the package reads them, whatever they name', () => {
  const draw = random('alike');
  for (let run = 0; run < scaled(20); run++) expect(expectSame(policyOf(draw, STYLES))).toBe(true);
});

/** Pieces of YAML that change what is around them. */
const ODD = [
  '"',
  "'",
  ': ',
  ' #',
  '\n',
  '\n  - ',
  '- ',
  ',',
  '[',
  ']',
  '{',
  '}',
  '|',
  '>-\n',
  '\\',
  '&a ',
  '*a',
  '? ',
  '"x"',
  ' ',
];

it('leaves what it cannot be sure of to the package', () => {
  const draw = random('alike, broken');
  let read = 0;
  // A few that are broken only in what does not matter must be among them.
  for (let run = 0; run < scaled(100) || (read === 0 && run < 1000); run++) {
    // The same piece in every rule of a style, so that the rule which the package reads has it too.
    const odd = pick(draw, ODD);
    const place = draw();
    const isEach = draw() < 0.5;
    const broken = STYLES.map((style) => (of: Draw, name: string) => {
      const text = style(of, name);
      const at = Math.floor(place * text.length);
      return isEach || of() < 0.02 ? text.slice(0, at) + odd + text.slice(at) : text;
    });
    read += Number(expectSame(policyOf(draw, draw() < 0.5 ? broken : [pick(draw, broken)])));
  }
  expect(read).toBeGreaterThan(0);
}, 60_000);

it.each([
  ['few rules', `${HEAD}policies:\n${'  - name: a\n'.repeat(50)}`],
  ['a quoted key', `${HEAD}policies:\n${['a', 'b'].map((key) => `  - {"${key}" : 1}\n`.repeat(60)).join('')}`],
  ['text in text', `${HEAD}policies:\n${'  - name: a\n    guidance: say "no" to it\n'.repeat(120)}`],
  ['a rule over several items', `${HEAD}policies:\n${'  - name: "a\n  - b"\n'.repeat(120)}`],
  ['a second list', `${HEAD}policies:\n${'  - name: a\n'.repeat(120)}policies:\n  - name: b\n`],
  ['an anchor', `${HEAD}policies:\n${'  - &x {name: a}\n'.repeat(120)}`],
])('has no opinion on %s', (what, text) => {
  const same = expectSame(text);
  if (what !== 'a quoted key') expect(same).toBe(false);
});
