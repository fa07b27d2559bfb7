import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
    expect(kept()).toHaveLength(1);
    // V8 knows a source by its length: another text as long shows whose code runs.
    say('two');
    expect(start().exports.word()).toBe('bundle.cjs one');
  });

  it('is made anew where V8 does not take what is there', () => {
    say('one');
    start().keep();
    const [name = ''] = kept();
    writeFileSync(join(folder, name), 'none of it');
    say('two');
    const second = start();
    expect(second.exports.word()).toBe('bundle.cjs two');
    second.keep();
    expect(kept()).toEqual([name]);
    expect(readFileSync(join(folder, name)).length).toBeGreaterThan(100);
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
