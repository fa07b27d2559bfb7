// What holds for every format: it is whole by its schema, and silent about nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Policy, Rule } from '../../../../src/policy/index.js';
import { FORMATS, type Format, format, type Generated } from '../../../../src/profile/index.js';
import { sample } from '../../../scale.js';
import { drawn, finance, hostile } from './inputs.js';

const schema = (name: string): object =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../../support/schemas', `${name}.json`), 'utf8')) as object;
const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false });

const INPUTS: Record<string, () => Generated> = {
  'the finance agent': finance,
  'hostile names': hostile,
  'an agent that does anything': drawn,
};
const JSONS: readonly Format[] = ['seccomp', 'srt'];

/** Lines at the top, before the first that is no comment. */
const headerOf = (text: string): string => text.slice(0, text.search(/^[^#]/m));

describe.each(Object.entries(INPUTS))('of %s', { timeout: 60_000 }, (_, make) => {
  const generated = make();

  it.each(FORMATS.filter((name) => name !== 'apparmor'))('%s is by its schema, and one document', (name) => {
    const { text } = format(name, generated);
    let object: unknown;
    if (!JSONS.includes(name)) {
      const documents = parseAllDocuments(text);
      expect(documents).toHaveLength(1);
      expect(documents[0]?.errors).toEqual([]);
      object = documents[0]?.toJS();
    } else object = JSON.parse(text);
    const validate = ajv.compile(schema(name));
    expect(validate(object), ajv.errorsText(validate.errors)).toBe(true);
  });

  it.each(FORMATS)('%s says at its top what it cannot say, and drops no rule without a word', (name) => {
    const { text, notes } = format(name, generated);
    const { policies } = generated.policy.document;
    if (!JSONS.includes(name)) {
      for (const line of generated.head) expect(headerOf(text)).toContain(line.slice(0, 40));
      expect(headerOf(text)).toContain('\n# Where it differs from the policy:\n');
    }
    expect(notes.join('\n')).toMatch(/not expressed, tool: /);
    const changed = (rule: Rule): boolean => {
      const document = { ...generated.policy.document, policies: policies.filter((one) => one !== rule) };
      const without = format(name, { ...generated, policy: { ...generated.policy, document } as Policy });
      return without.text !== text || without.notes.join() !== notes.join();
    };
    const allowed = policies.filter(({ action }) => action === 'ALLOW');
    for (const rule of sample(allowed, `formats-${name}`)) expect(changed(rule), rule.name).toBe(true);
  });
});

it('names the reason in each header where the profile is partial', { timeout: 60_000 }, () => {
  for (const name of FORMATS.filter((one) => !JSONS.includes(one))) {
    expect(headerOf(format(name, hostile()).text)).toMatch(/^# THE PROFILE IS PARTIAL/m);
  }
});
