import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RuleRecord, readRecord, writeRecord } from '../../../src/rollout/index.js';
import { scratch } from '../../support/index.js';

const RECORD: RuleRecord = {
  rule: 'pay\u2028"ä',
  meaning: '0'.repeat(64),
  mode: 'audit',
  since: '2026-01-01T00:00:00.000Z',
  would_block: 3,
  blocked: 0,
  first: '2026-01-01T00:00:01.000Z',
  last: '2026-01-01T00:00:02.000Z',
  lost: 0,
  trial_ms: 1,
  leaky: false,
  audit_ms: 2,
  promoted: false,
};

const folder = scratch();

describe('the record of an agent', () => {
  it('is read as it was written, for its owner alone, and replaced as a whole', async () => {
    const path = join(folder, 'agent', 'rollout.json');
    expect(await readRecord(path)).toEqual([]);
    await writeRecord(path, [RECORD, { ...RECORD, rule: 'other' }]);
    const { first: _first, last: _last, ...unmet } = RECORD;
    await writeRecord(path, [RECORD, unmet]);
    expect(await readRecord(path)).toEqual([RECORD, unmet]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(path, '..'))).toEqual(['rollout.json']);
  });

  const of = (change: object): string => JSON.stringify({ version: 1, rules: [{ ...RECORD, ...change }] });
  it.each<[string, string, RegExp]>([
    ['half of one', of({}).slice(0, 40), /is no JSON/],
    ['nothing', '', /is no JSON/],
    ['null', 'null', /is no record of this version/],
    ['another version', '{"version":2,"rules":[]}', /is no record/],
    ['another mode', of({ mode: 'off' }), /is no record/],
    ['a negative count', of({ would_block: -1 }), /is no record/],
    ['half a millisecond', of({ audit_ms: 1.5 }), /is no record/],
    ['no meaning', of({ meaning: 'x' }), /is no record/],
    ['an object as a rule', of({ rule: {} }), /is no record/],
  ])('does not count where it is %s', async (_what, text, why) => {
    const path = join(folder, 'broken.json');
    writeFileSync(path, text, { mode: 0o600 });
    await expect(readRecord(path)).rejects.toThrow(why);
  });

  it('does not count where somebody else could have written it', async () => {
    const path = join(folder, 'rollout.json');
    await writeRecord(path, [RECORD]);
    symlinkSync(path, join(folder, 'link'));
    await expect(readRecord(join(folder, 'link'))).rejects.toThrow('cannot be read (ELOOP)');
    chmodSync(path, 0o620);
    await expect(readRecord(path)).rejects.toThrow('is no file that this user alone can write');
    mkdirSync(join(folder, 'folder'));
    await expect(readRecord(join(folder, 'folder'))).rejects.toThrow('is no file');
  });
});
