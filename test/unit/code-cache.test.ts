import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startBundle } from '../../src/code-cache.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agentgov-code-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const bundle = () => join(folder, 'bundle.cjs');
const start = () => startBundle<{ word: () => string }>(pathToFileURL(bundle()));
const hash = () => createHash('sha256').update(readFileSync(bundle())).digest('hex').slice(0, 16);
const kept = () => readdirSync(folder).filter((name) => name !== 'bundle.cjs');

function say(word: string): void {
  const body = `module.exports = { word: () => require('node:path').basename(bundleUrl) + ' ${word}' };`;
  writeFileSync(bundle(), `(function (module, exports, require, bundleUrl) {${body}})`);
}

describe('compiled code', () => {
  it('is what the next start runs', () => {
    say('one');
    const first = start();
    expect(first.exports.word()).toBe('bundle.cjs one');
    first.keep();
    const [one = ''] = kept();
    expect(one).toContain(hash());
    const other = one.replace(hash(), '');
    say('two');
    // V8 knows a source by its length: in the place of the other's, the code of a text as long shows that it is taken.
    copyFileSync(join(folder, one), join(folder, `${other}${hash()}`));
    expect(start().exports.word()).toBe('bundle.cjs one');
  });

  it('is made anew where V8 does not take what is there', () => {
    say('three');
    start().keep();
    const [three = ''] = kept();
    const name = three.replace(hash(), '');
    rmSync(join(folder, three));
    // Another text, for V8 compiles none twice in one process.
    say('four');
    const four = `${name}${hash()}`;
    writeFileSync(join(folder, four), 'none of it');
    const second = start();
    expect(second.exports.word()).toBe('bundle.cjs four');
    second.keep();
    expect(kept()).toEqual([four]);
    expect(readFileSync(join(folder, four)).length).toBeGreaterThan(100);
  });

  it('is not kept where others can write, and the bundle runs all the same', () => {
    say('one');
    chmodSync(folder, 0o777);
    const first = start();
    expect(first.exports.word()).toBe('bundle.cjs one');
    first.keep();
    expect(kept()).toEqual([]);
  });
});
