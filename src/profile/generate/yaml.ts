// A generated policy as text: by sections, every rule with what it rests on.
import { quote, type Rule } from '../../policy/index.js';
import { comment } from './comment.js';
import type { Made, Section } from './made.js';

const TITLES: Readonly<Record<Section, string>> = {
  learned: 'What the agent does.',
  once: 'Seen in one run only: review. Remove what is no part of the work.',
  decide:
    'To be decided: it touches what the kit below closes. Held until a person has looked; make it ALLOW or remove it.',
  closed: 'The kit: never opened by what was learned.',
};
const ORDER = ['learned', 'once', 'decide', 'closed'] as const;

/** Keys whose values are words of the language: they need no quotes. */
const WORDS = new Set(['access', 'event']);
/** A list that is longer has a line for each value. */
const WIDTH = 100;
const flow = (key: string, values: readonly (string | number)[]): string =>
  `[${values.map(WORDS.has(key) ? String : quote).join(', ')}]`;

function list(key: string, values: readonly (string | number)[], notes: Made['notes']): string[] {
  const short = flow(key, values);
  if (short.length <= WIDTH && !values.some((value) => notes.has(String(value)))) return [`      ${key}: ${short}`];
  const lines = values.map((value) => {
    const note = notes.get(String(value));
    return `        - ${quote(value)}${note === undefined ? '' : ` # ${comment(note)}`}`;
  });
  return [`      ${key}:`, ...lines];
}

function show({ rule, why, notes }: Made): string[] {
  const { name, match, action, ...rest } = rule;
  const lines = [
    ...(why === '' ? [] : [`  # ${comment(why)}`]),
    `  - name: ${name}`,
    '    match:',
    ...Object.entries(match).flatMap(([key, values]) => list(key, values as (string | number)[], notes)),
    `    action: ${action}`,
  ];
  for (const [key, value] of Object.entries(rest)) {
    lines.push(`    ${key}: ${typeof value === 'string' ? quote(value) : String(value)}`);
  }
  return lines;
}

/** The rules in the order in which they are read; decisions do not depend on it. */
export const inOrder = (made: readonly Made[]): readonly Rule[] =>
  ORDER.flatMap((section) => made.filter((one) => one.section === section)).map(({ rule }) => rule);

/** @param head sentences for the top of the file. */
export function policyText(head: readonly string[], agentId: string | undefined, made: readonly Made[]): string {
  const lines = [
    ...head.map((line) => `# ${comment(line)}`),
    'version: "1.0"',
    ...(agentId === undefined ? [] : [`agent_id: ${quote(agentId)}`]),
    'mode: audit # audit records what enforce would stop',
    'default_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: HUMAN_APPROVAL}',
    'policies:',
  ];
  for (const section of ORDER) {
    const own = made.filter((one) => one.section === section);
    if (own.length === 0) continue;
    lines.push(`  # ---- ${TITLES[section]}`, '', ...own.flatMap((one) => [...show(one), '']));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
