import { spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AuditWriter, verifyFile } from '../../../src/audit/index.js';
import { AgentgovError } from '../../../src/errors.js';
import { random } from '../../scale.js';
import {
  chain,
  event,
  type Fields,
  folder,
  hashOf,
  joined,
  logFile,
  makeLines,
  sealed,
  sealedText,
  ZEROS,
} from './logs.js';

const FORM = "the hashes hold; for another writer's log use --compat";
const verdictOf = async (content: string | Buffer | string[], compat = false) => {
  const { verdict, first_bad_line, reason, canonical } = await verifyFile(logFile(content), { compat });
  return { verdict, line: first_bad_line, reason, canonical };
};

describe('verdict', () => {
  it('says everything about an intact log', async () => {
    const lines = makeLines(2500);
    expect(await verifyFile(logFile(lines))).toEqual({
      verdict: 'intact',
      events: 2500,
      first_bad_line: null,
      reason: 'every line follows from the one before it',
      first_seq: 1,
      last_seq: 2500,
      last_hash: hashOf(lines[2499] ?? ''),
      events_lost: 0,
      canonical: true,
      checks: { chain: 'ok', tip: 'absent', state: 'absent', checkpoints: 'absent' },
      findings: { block: 0, 'would-block': 0, hold: 0, loss: 0, blind: 0 },
    });
  });

  it('says everything about an empty log', async () => {
    expect(await verifyFile(logFile(''))).toMatchObject({
      verdict: 'empty',
      events: 0,
      first_bad_line: null,
      first_seq: null,
      last_seq: null,
      last_hash: null,
      canonical: true,
      checks: { chain: 'ok' },
    });
  });

  it('sums up what the log says was lost, and counts findings, on plain and on other lines', async () => {
    const records: Fields[] = [
      { event_type: 'events_lost', action: 'OBSERVED', count: 17, reason: 'ring_full' },
      { event_type: 'events_lost', action: 'OBSERVED', reason: 'no count' },
      { event_type: 'file_open', action: 'BLOCKED' },
      { event_type: 'file_open', action: 'WOULD_BLOCK' },
      { event_type: 'file_open', action: 'HELD' },
      { event_type: 'file_open', action: 'WOULD_HOLD' },
      { event_type: 'enforcement_gap', action: 'OBSERVED' },
      { event_type: 'file_open', action: 'ALLOWED', count: 9 },
    ];
    const wanted = {
      verdict: 'intact',
      events_lost: 18,
      findings: { block: 1, 'would-block': 1, hold: 2, loss: 2, blind: 1 },
    };
    expect(await verifyFile(logFile(chain(records)))).toMatchObject(wanted);
    const compact = joined(chain(records)).replaceAll(', "', ',"');
    expect(await verifyFile(logFile(compact), { compat: true })).toMatchObject(wanted);
  });

  it.each(['no-such-file', '.'])('refuses to judge what it cannot read: %s', async (name) => {
    const path = join(folder(), name);
    const error = await verifyFile(path).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(AgentgovError);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(`cannot read ${path}`) });
  });

  it('reads a log whose writer holds the lock up to its last line end', async () => {
    const path = logFile(makeLines(10));
    const writer = await AuditWriter.open(path);
    appendFileSync(path, '{"action": "OBS');
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 10, live: true });
    await writer.close();
    const after = await verifyFile(path);
    expect(after).toMatchObject({ verdict: 'truncated', first_bad_line: 11 });
    expect(after).not.toHaveProperty('live');
  });
});

describe('an attack on the log', () => {
  const lines = makeLines(30);
  const at = (index: number): string => lines[index] ?? '';
  const without = (from: number, count = 1): string[] => [...lines.slice(0, from), ...lines.slice(from + count)];

  const otherDigit = (hash: string): string => hash.slice(0, 63) + (hash.endsWith('0') ? '1' : '0');

  const found: Array<[string, string[] | string, number]> = [
    ['edit', lines.map((line, index) => (index === 11 ? line.replace('docs', 'dogs') : line)), 12],
    [
      'edit with its own hash recomputed',
      lines.map((line, index) => (index === 11 ? sealed({ ...event(11), uid: 0 }, 12, hashOf(at(10))) : line)),
      13,
    ],
    [
      'last digit of hash_prev with the hash recomputed',
      lines.map((line, index) => (index === 11 ? sealed(event(11), 12, otherDigit(hashOf(at(10)))) : line)),
      12,
    ],
    ['deletion in the middle', without(11), 12],
    ['deletion of the first line', without(0), 1],
    ['reordering', [...lines.slice(0, 11), at(12), at(11), ...lines.slice(13)], 12],
    ['duplicate', [...lines.slice(0, 12), at(11), ...lines.slice(12)], 13],
    ['insertion', [...lines.slice(0, 12), sealed(event(99), 13, hashOf(at(11))), ...lines.slice(12)], 14],
    ['gap in seq', [...lines.slice(0, 11), ...chain([event(11), event(12)], 13, hashOf(at(10)))], 12],
    ['first hash_prev is not zeros', chain([event(0)], 1, '1'.repeat(64)), 1],
    ['seq does not begin at 1', chain([event(0), event(1)], 5), 1],
    ['blank line', `${joined(lines.slice(0, 5))}\n${joined(lines.slice(5))}`, 6],
    ['two records on a line', joined(lines).replace('}\n{', '} {'), 1],
  ];
  it.each(found)('%s is found by the chain', async (_, content, line) => {
    for (const compat of [false, true]) {
      expect(await verdictOf(content, compat)).toMatchObject({ verdict: 'tampered', line });
    }
    // The same in a spelling that the byte scanner leaves to the slow path.
    const text = Array.isArray(content) ? joined(content) : content;
    const respelled = text.replaceAll('{"action"', '{ "action"');
    expect(await verdictOf(respelled, true)).toMatchObject({ verdict: 'tampered', line });
  });

  const count = { expectCount: 30 };
  const hash = { expectHash: hashOf(at(29)) };
  const renumbered = chain(Array.from({ length: 20 }, (_, index) => event(index + 10)));
  const forked = [...lines.slice(0, 29), sealed(event(77), 30, hashOf(at(28)))];
  const unseen: Array<[string, string[], 'truncated' | 'tampered', number | null, typeof count | typeof hash]> = [
    ['tail cut at a line end', lines.slice(0, 20), 'truncated', null, count],
    ['tail cut at a line end', lines.slice(0, 20), 'tampered', 20, hash],
    ['last line replaced', forked, 'tampered', 30, hash],
    ['events added', [...lines, sealed(event(77), 31, hashOf(at(29)))], 'tampered', 31, count],
    ['whole rewrite', chain(Array.from({ length: 30 }, (_, index) => event(index + 500))), 'tampered', 30, hash],
    ['prefix cut and renumbered', renumbered, 'truncated', null, count],
    ['prefix cut and renumbered', renumbered, 'tampered', 20, hash],
    ['wiped', [], 'truncated', null, count],
    ['wiped', [], 'tampered', null, hash],
  ];
  it.each(unseen)(
    '%s is not seen by a chain alone, but by what the caller knows',
    async (_, content, verdict, line, known) => {
      const path = logFile(content);
      expect(['intact', 'empty']).toContain((await verifyFile(path)).verdict);
      expect(await verifyFile(path, known)).toMatchObject({
        verdict,
        first_bad_line: line,
        checks: { chain: 'ok', tip: 'failed' },
      });
    },
  );

  it('passes the tip check with the right count and hash', async () => {
    const path = logFile(lines);
    expect(await verifyFile(path, { ...count, ...hash })).toMatchObject({ verdict: 'intact', checks: { tip: 'ok' } });
    expect(await verifyFile(logFile(''), { expectCount: 0, expectHash: ZEROS })).toMatchObject({
      verdict: 'empty',
      checks: { tip: 'ok' },
    });
  });

  it('calls a tail that was cut inside a line truncated', async () => {
    for (const cut of [2, 30, 200]) {
      const text = joined(lines);
      for (const compat of [false, true]) {
        const result = await verdictOf(text.slice(0, -cut), compat);
        expect(result).toMatchObject({ verdict: 'truncated', line: 30, reason: expect.stringContaining('torn') });
      }
    }
  });

  it('calls a last line without its line end truncated, and lets --compat pass it', async () => {
    const text = joined(lines).slice(0, -1);
    const strict = await verdictOf(text);
    expect(strict).toMatchObject({ verdict: 'truncated', line: 30, canonical: false });
    expect(strict.reason).toBe(`line 30: the log ends without a line end here; ${FORM}`);
    expect(await verdictOf(text, true)).toMatchObject({ verdict: 'intact', canonical: false });
    // Whole JSON that does not hold was not cut there.
    expect(await verdictOf(text.replace(/4\d\d\d, "seq": 30/, '1, "seq": 30'))).toMatchObject({
      verdict: 'tampered',
      line: 30,
    });
  });
});

describe('a line that is not its canonical form', () => {
  const lines = makeLines(6);
  const respell = (change: (line: string) => string): string =>
    lines.map((line, index) => `${index === 2 ? change(line) : line}\n`).join('');

  const forms: Array<[string, string | Buffer]> = [
    ['white space', respell((line) => line.replace(': ', ':  '))],
    ['CR before LF', respell((line) => `${line}\r`)],
    ['a respelled escape', respell((line) => line.replace('node', '\\u006eode'))],
    ['an upper-case escape', respell((line) => line.replace('\\n', '\\u000A'))],
    ['an escaped solidus', respell((line) => line.replace('/home', '\\/home'))],
    ['other key order', respell((line) => line.replace(/\{("action": "\w+"), (.*)\}/, '{$2, $1}'))],
    ['a decoy before the key that counts', respell((line) => line.replace('"comm"', '"comm": "decoy", "comm"'))],
    ['a decoy under a respelled key', respell((line) => line.replace('{', '{"\\u0061ction": "BLOCKED", '))],
    ['a decoy hash', respell((line) => line.replace('"hash_self"', '"hash_self": "00", "hash_self"'))],
    ['an integer minus zero', respell((line) => line.replace('{', '{"uid": -0, '))],
  ];
  it.each(forms)('%s: tampered, and the reason says that the hashes hold', async (_, content) => {
    const strict = await verdictOf(content);
    expect(strict).toMatchObject({ verdict: 'tampered', line: 3, canonical: false });
    expect(strict.reason).toMatch(/^line 3: it is not in its canonical form from character \d+ on; /);
    expect(strict.reason.endsWith(FORM)).toBe(true);
    expect(await verdictOf(content, true)).toMatchObject({ verdict: 'intact', line: null, canonical: false });
  });

  it('names both lines when another one is really broken', async () => {
    const content = respell((line) => `${line} `).replace('index=4', 'index=5');
    const strict = await verdictOf(content);
    expect(strict).toMatchObject({ verdict: 'tampered', line: 3 });
    expect(strict.reason).toMatch(/^line 3: .*; line 5: hash_self does not match the event$/);
    expect(await verdictOf(content, true)).toMatchObject({ verdict: 'tampered', line: 5 });
  });

  it('accepts the log of a Python writer only with --compat, and agrees with Python about it', async () => {
    const path = join(folder(), 'python.jsonl');
    const script = `
import hashlib, json, sys
prev = "0" * 64
with open(sys.argv[1], "w", newline="\\n") as log:
    for i in range(1, 301):
        e = {"seq": i, "path": "/tmp/caf\\u00e9/\\U0001f4c4\\udcff" + str(i), "took": i / 7, "big": 2 ** 70 + i,
             "none": None, "nested": {"b": [1.0, 1e20, -0.0], "a": {}}, "__proto__": i, "hash_prev": prev}
        prev = e["hash_self"] = hashlib.sha256(json.dumps(e, sort_keys=True).encode()).hexdigest()
        log.write(json.dumps(e) + "\\n")
`;
    const run = spawnSync('python3', ['-c', script, path], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(await verifyFile(path, { compat: true })).toMatchObject({
      verdict: 'intact',
      events: 300,
      canonical: false,
    });
    expect(await verifyFile(path)).toMatchObject({ verdict: 'tampered', first_bad_line: 1 });
    const python = spawnSync('python3', [new URL('../../vectors/verify.py', import.meta.url).pathname, path]);
    expect(python.status).toBe(0);
  });
});

describe('hostile input', () => {
  const prev = `"hash_prev": "${ZEROS}"`;
  // Values of every kind in canonical form: the vocabulary is not verify's business.
  const fine = [
    `{"a": 1.5, ${prev}, "seq": 1}`,
    `{"a": null, ${prev}, "n": {"b": [{}, []], "c": 1e+16}, "seq": 1}`,
    `{"__proto__": {"x": 1}, ${prev}, "seq": 1}`,
    `{"a": NaN, "b": -Infinity, ${prev}, "seq": 1}`,
    `{"a": 18446744073709551615, "b": ${'7'.repeat(4300)}, ${prev}, "seq": 1}`,
    `{"a": "\\ud83d", "b": "\\udcff\\u0000\\u007f", ${prev}, "seq": 1}`,
    `{"a": ${'['.repeat(900)}${']'.repeat(900)}, ${prev}, "seq": 1}`,
    `{"a": "${'x'.repeat(3 * 2 ** 20)}", ${prev}, "seq": 1}`,
    `{"10": 1, "9": 2, ${prev}, "seq": 1, "\\ue000": 1, "\\ud83d\\ude02": 2}`,
  ];
  it.each(fine.map((body) => [body.slice(0, 60), body]))('accepts canonical %s', async (_, body) => {
    expect(await verdictOf([sealedText(body)])).toMatchObject({ verdict: 'intact', canonical: true });
  });

  const bad: Array<[string, string | Buffer, string]> = [
    ['bytes that are not UTF-8', Buffer.from(`{"a": "\xff", ${prev}, "seq": 1}\n`, 'latin1'), 'not valid UTF-8'],
    ['overlong UTF-8', Buffer.from('{"a": "\xc0\xaf"}\n', 'latin1'), 'not valid UTF-8'],
    ['UTF-8 of a surrogate', Buffer.from('{"a": "\xed\xa0\x80"}\n', 'latin1'), 'not valid UTF-8'],
    ['a byte order mark', `\ufeff${sealedText(`{${prev}, "seq": 1}`)}\n`, 'not JSON'],
    ['a NUL byte', '{"a": "\u0000"}\n', 'raw control character'],
    ['deep nesting', `${'['.repeat(100_000)}\n`, 'nested deeper than 990 levels at character 991'],
    ['an integer of 4,301 digits', `{"a": ${'1'.repeat(4301)}}\n`, 'more than 4300 digits'],
    ['an array', '[]\n', 'not an object'],
    ['no seq', sealedText(`{${prev}}`), 'seq is missing'],
    ['no hash_self', `{${prev}, "seq": 1}\n`, 'hash_self is missing'],
    ['no hash_prev', '{"hash_self": "", "seq": 1}\n', 'hash_prev is missing'],
    ['a float as seq', sealedText(`{${prev}, "seq": 1.0}`), 'seq is 1.0, not 1'],
    ['text as seq', sealedText(`{${prev}, "seq": "1"}`), 'seq is "1", not 1'],
    ['true as seq', sealedText(`{${prev}, "seq": true}`), 'seq is true, not 1'],
    ['a huge seq', sealedText(`{${prev}, "seq": ${'9'.repeat(100)}}`), `seq is ${'9'.repeat(40)}..., not 1`],
    ['seq 0', sealedText(`{${prev}, "seq": 0}`), 'seq is 0, not 1'],
  ];
  it.each(bad)('finds %s at line 1', async (_, content, reason) => {
    const text = typeof content === 'string' && !content.endsWith('\n') ? `${content}\n` : content;
    for (const compat of [false, true]) {
      const result = await verdictOf(text, compat);
      expect(result).toMatchObject({ verdict: 'tampered', line: 1 });
      expect(result.reason).toContain(reason);
    }
  });

  it('does not let a forged field hide behind __proto__', async () => {
    const honest = sealedText(`{"a": 1, ${prev}, "seq": 1}`);
    const forged = honest.replace('{', '{"__proto__": {"action": "ALLOWED"}, ');
    expect(await verdictOf([forged], true)).toMatchObject({ verdict: 'tampered', line: 1 });
  });

  it('splits lines at LF alone', async () => {
    const body = `{"a": "\u2028\u0085\u2029", ${prev}, "seq": 1}`;
    const raw = sealedText(`{"a": "\\u2028\\u0085\\u2029", ${prev}, "seq": 1}`);
    expect(await verdictOf([raw])).toMatchObject({ verdict: 'intact' });
    const unescaped = raw.replace(/"\\u2028.*?"/, body.slice(6, 11));
    expect(await verdictOf([unescaped], true)).toMatchObject({ verdict: 'intact', canonical: false });
  });

  it('gives up on a line of more than 16 MiB without reading on', async () => {
    const path = join(folder(), 'long.jsonl');
    writeFileSync(path, joined(makeLines(2)));
    for (let index = 0; index < 40; index += 1) appendFileSync(path, Buffer.alloc(2 ** 20, 'x'));
    let seen = 0;
    const result = await verifyFile(path, { onProgress: (bytes) => (seen = bytes) });
    expect(result).toMatchObject({
      verdict: 'tampered',
      first_bad_line: 3,
      reason: 'line 3: it is longer than 16777216 bytes',
    });
    expect(seen).toBeLessThan(34 * 2 ** 20);
  });
});

describe('one changed byte', () => {
  // The changed line is the right one. A line end that is changed joins its line with the next: that one line, under
  // the number of the first. A byte that becomes a line end leaves a stump with the number of its line.
  it('in a log of 1,000 lines is found at its line, 500 times', async () => {
    const lines = makeLines(1000);
    const text = Buffer.from(joined(lines));
    const starts: number[] = [];
    let start = 0;
    for (const line of lines) {
      starts.push(start);
      start += Buffer.byteLength(line) + 1;
    }
    const draw = random('one-byte mutation');
    const path = logFile('');
    const places = Array.from({ length: 500 }, () => Math.floor(draw() * text.length));
    // The places that a scanner gets wrong most easily are drawn too seldom: all of the last line, and its line end.
    places.push(text.length - 1, text.length - 2, (starts[500] ?? 0) - 1, 0);
    for (const place of places) {
      const mutated = Buffer.from(text);
      const old = mutated[place] ?? 0;
      mutated[place] = (old + 1 + Math.floor(draw() * 255)) % 256;
      writeFileSync(path, mutated);
      const line = starts.findLastIndex((first) => first <= place) + 1;
      const wanted = { place, byte: mutated[place], line };
      const { verdict, first_bad_line } = await verifyFile(path);
      expect({ place, byte: mutated[place], line: first_bad_line }).toEqual(wanted);
      // White space in place of the last line end is a form of its own.
      const lastEnd = place === text.length - 1 && ![0x09, 0x0d, 0x20].includes(mutated[place] ?? 0);
      expect(verdict, JSON.stringify(wanted)).toBe(lastEnd ? 'truncated' : 'tampered');
    }
  }, 60_000);
});
