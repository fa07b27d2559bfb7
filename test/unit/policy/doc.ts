// The generated part of docs/policy.md: keys from the schema, examples from the table that is also the test.
import { MATCH_KEYS, RULE_KEYS, TOP_KEYS } from '../../../src/policy/index.js';
import { GROUPS } from './examples.js';

export const GENERATED =
  '<!-- What follows is made from the schema and from the table of examples that is also the test. -->\n';

const cell = (text: string): string => text.replaceAll('|', '\\|');
const keys = (of: Readonly<Record<string, { description?: string; enum?: readonly string[] }>>): string =>
  Object.entries(of)
    .map(
      ([name, { description = '', enum: values }]) =>
        `| \`${name}\` | ${cell(description)}${values ? ` (${values.map((value) => `\`${value}\``).join(' ')})` : ''} |`,
    )
    .join('\n');

const show = (event: object): string =>
  Object.entries(event)
    .filter(([name]) => name !== 'event_type')
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(' ') : String(value)}`)
    .join(', ');

/** All of docs/policy.md from the marker on. */
export function policyDoc(): string {
  const groups = GROUPS.map(({ title, why, rules, examples }) => {
    const yaml = Object.entries(rules).map(([name, rest]) => `- {name: ${name}, ${rest}}`);
    const rows = examples.map(
      ({ event, action, by, who }) =>
        `| \`${String(event.event_type)}\` | \`${cell(show(event))}\`${who ? ` by \`${cell(show(who))}\`` : ''} | ${action} | \`${by}\` |`,
    );
    return `### ${title}\n\n${why}\n\n\`\`\`yaml\n${yaml.join('\n')}\n\`\`\`\n\n| event | what | answer | decided by |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `${GENERATED}
## All keys

### Of the file

| key | meaning |
|---|---|
${keys(TOP_KEYS)}

### Of a rule

| key | meaning |
|---|---|
${keys(RULE_KEYS)}

### Of a match

| key | meaning |
|---|---|
${keys(MATCH_KEYS)}

## Examples

Every policy here begins with \`default_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: BLOCK}\`.

${groups.join('\n')}`;
}
