import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCheckpoint, signCheckpoint } from '../../../src/audit/checkpoint.js';
import { CheckpointFile } from '../../../src/audit/checkpoint-file.js';
import { loadKey, makeKey, readVkeys } from '../../../src/audit/keys.js';
import { newSigner, parseNote, parseSkey, parseVkey, signersOf, signNote } from '../../../src/audit/note.js';
import { folder } from './logs.js';

// The example of c2sp.org/signed-note v1.0.0.
const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';

describe('keys', () => {
  it('reads the vkey of the specification', () => {
    expect(parseVkey(VKEY)).toMatchObject({ name: 'example.com/foo', id: '530d903a', vkey: VKEY });
  });

  it.each([
    '',
    'example.com/foo',
    VKEY.replace('530d903a', '530d903b'),
    VKEY.replace('foo', 'bar'),
    VKEY.replace('Aeky', 'Beky'),
    VKEY.slice(0, -1),
    `${VKEY}=`,
    VKEY.replace('example.com/foo', 'exam ple'),
    VKEY.replace('+Aeky', '+AuKy'),
  ])('refuses %j', (text) => {
    expect(() => parseVkey(text)).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  it('keeps a private key in a file for its owner alone, and never replaces one', async () => {
    const path = join(folder(), 'keys', 'k');
    const key = await makeKey(path, 'example.org/host');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await loadKey(path)).toMatchObject({ vkey: key.vkey, skey: key.skey });
    expect(parseSkey(key.skey)?.vkey).toBe(key.vkey);
    await expect(makeKey(path)).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('exists') });
    chmodSync(path, 0o640);
    await expect(loadKey(path)).rejects.toThrow('can be read or written by others');
    await expect(loadKey(`${path}x`)).rejects.toThrow('agentgov keys new');
    writeFileSync(`${path}y`, 'PRIVATE+KEY+a+00000000+AAAA\n', { mode: 0o600 });
    await expect(loadKey(`${path}y`)).rejects.toThrow('holds no key');
    expect(() => newSigner('a b')).toThrow('cannot name a key');
    expect(() => newSigner('a+b')).toThrow('cannot name a key');
  });

  it('come as text or in a file', async () => {
    expect((await readVkeys(VKEY)).map(({ vkey }) => vkey)).toEqual([VKEY]);
    const path = join(folder(), 'keys');
    const other = newSigner('other').vkey;
    writeFileSync(path, `# ours\n${VKEY}\n\n${other}\n`);
    expect((await readVkeys(path)).map(({ vkey }) => vkey)).toEqual([VKEY, other]);
    await expect(readVkeys(join(folder(), 'absent'))).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('signed notes', () => {
  const key = newSigner('example.org/host');
  const other = newSigner('example.org/other');
  const text = 'one\n\ntwo\n';

  it('hold for the key that signed them', () => {
    const note = parseNote(signNote(text, key));
    expect(note?.text).toBe(text);
    if (!note) throw new Error('no note');
    expect(signersOf(note, [key, other])).toEqual([key]);
    // An unknown key is no signature, and no error.
    expect(signersOf(note, [other])).toEqual([]);
  });

  it('are rejected as a whole when a known key did not sign them', () => {
    const forged = parseNote(signNote(text, key).replace('one', 'two'));
    if (!forged) throw new Error('no note');
    expect(signersOf(forged, [key])).toBeUndefined();
    expect(signersOf(forged, [other])).toEqual([]);
    const [, line = ''] = signNote('x\n', key).split('\n\n');
    const mixed = parseNote(`${signNote(text, other)}${line}`);
    expect(mixed && signersOf(mixed, [other])).toEqual([other]);
    expect(mixed && signersOf(mixed, [key, other])).toBeUndefined();
  });

  it.each([
    ['no signature', 'text\n\n'],
    ['no blank line', signNote('a\n', key).replace('\n\n', '\n')],
    ['no last LF', signNote('a\n', key).trimEnd()],
    ['a control character', signNote('a\tb\n', key)],
    ['CR', signNote('a\r\n', key)],
    ['a hyphen for the dash', signNote('a\n', key).replace('—', '-')],
    ['base64 that is none', signNote('a\n', key).replace(/ (\S{5})(\S+)\n$/, ' $1\n')],
    ['two spaces', signNote('a\n', key).replace('— ', '—  ')],
  ])('are none with %s', (_, note) => {
    expect(parseNote(note)).toBeUndefined();
  });
});

describe('checkpoints', () => {
  const key = newSigner('example.org/host');
  const root = Buffer.alloc(32, 7);
  const origin = 'agentgov.log/abc';

  it('say how many lines a log has and what their root is', () => {
    const raw = signCheckpoint({ origin, size: 12, root }, key);
    expect(parseCheckpoint(raw)).toMatchObject({ origin, size: 12, root, raw });
    for (const bad of [
      raw.replace('\n12\n', '\n012\n'),
      raw.replace('\n12\n', '\n-1\n'),
      raw.replace('BwcH', 'BwcH='),
      raw.replace('\n12\n', '\n9007199254740993\n'),
    ]) {
      expect(parseCheckpoint(bad)).toBeUndefined();
    }
  });

  describe('in a file', () => {
    const note = (size: number): string => signCheckpoint({ origin, size, root }, key);

    async function read(content: string | Buffer) {
      const path = join(folder(), 'c');
      writeFileSync(path, content);
      const file = await CheckpointFile.open(path);
      if (file === undefined) throw new Error('it is there');
      const sizes: number[] = [];
      for await (const { size } of file.each()) sizes.push(size);
      await file.close();
      return { sizes, ...file.rest };
    }

    it('stand one behind the other', async () => {
      const notes = [1, 2, 3].map(note);
      const lines = notes.map((each) => `${each}\n`).join('');
      expect(await read(lines)).toEqual({
        sizes: [1, 2, 3],
        badLine: undefined,
        isTorn: true,
        end: Buffer.byteLength(lines),
      });
      expect(await read(notes.join(''))).toMatchObject({ sizes: [1, 2, 3], badLine: undefined });
      expect(await CheckpointFile.open(join(folder(), 'absent'))).toBeUndefined();
    });

    it('end where something else begins', async () => {
      const [first, second] = [note(1), note(2)];
      const end = Buffer.byteLength(`${first}\n`);
      expect(await read(`${first}\nrubbish\n`)).toEqual({ sizes: [1], badLine: 7, isTorn: true, end });
      expect(await read(`${first}\nrubbish\n\n${second}`)).toMatchObject({ sizes: [1], badLine: 7 });
      expect(await read(`${first}\n${second.slice(0, -20)}`)).toMatchObject({ sizes: [1], badLine: 7, end });
      expect(await read(Buffer.from([0xff]))).toMatchObject({ sizes: [], badLine: 1 });
      expect(await read(Buffer.concat([Buffer.from(`${first}\n`), Buffer.of(0xff, 0x0a)]))).toMatchObject({
        sizes: [1],
        badLine: 7,
        end,
      });
    });

    it('are read piece by piece, whatever the pieces cut', async () => {
      const count = 5000;
      const text = Array.from({ length: count }, (_, index) => `${note(index + 1)}\n`).join('');
      const { sizes, badLine, end } = await read(text);
      expect(sizes).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      expect([badLine, end]).toEqual([undefined, Buffer.byteLength(text)]);
    });

    it('are looked for in what has none in linear time', async () => {
      for (const text of ['a\n', 'a\n\n', '— a\n', `a\n\n— a b\n`]) {
        expect(await read(text.repeat(1_000_000))).toMatchObject({ sizes: [], badLine: 1, isTorn: false, end: 0 });
      }
    });
  });
});
