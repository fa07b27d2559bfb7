import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { build } from 'tsup';
import { afterAll, describe, expect, it } from 'vitest';
import { AgentgovError } from '../../../src/errors.js';
import { credentialKeyFile, openRedactor } from '../../../src/events/index.js';

const room = mkdtempSync(join(tmpdir(), 'agentgov-'));
afterAll(() => rmSync(room, { recursive: true }));

const refusal = (keyFile: string): AgentgovError => {
  try {
    openRedactor({ keyFile });
  } catch (error) {
    if (error instanceof AgentgovError) return error;
    throw error;
  }
  return expect.fail('it was accepted');
};

describe('the key of the fingerprints', () => {
  it('is made at first use, for its owner alone, and stays', () => {
    const keyFile = join(room, 'new/folder/credential.key');
    const first = openRedactor({ keyFile }).fingerprint('secret');
    expect(statSync(keyFile).mode & 0o7777).toBe(0o600);
    expect(statSync(join(room, 'new/folder')).mode & 0o7777).toBe(0o700);
    expect(readFileSync(keyFile)).toHaveLength(32);
    expect(readdirSync(join(room, 'new/folder'))).toEqual(['credential.key']);
    expect(openRedactor({ keyFile }).fingerprint('secret')).toBe(first);
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect(openRedactor({ keyFile: join(room, 'other.key') }).fingerprint('secret')).not.toBe(first);
  });

  it('is HMAC-SHA256 over the bytes of the secret', () => {
    const keyFile = join(room, 'known.key');
    writeFileSync(keyFile, Buffer.alloc(32, 0x0b), { mode: 0o600 });
    // openssl mac -digest SHA256 -macopt hexkey:0b…0b HMAC
    expect(openRedactor({ keyFile }).fingerprint('Hi There')).toBe('198a607eb44bfbc6');
  });

  it.each<[string, (file: string) => void]>([
    ['too short', (file) => writeFileSync(file, randomBytes(31), { mode: 0o600 })],
    ['too long', (file) => writeFileSync(file, randomBytes(33), { mode: 0o600 })],
    ['empty', (file) => writeFileSync(file, '', { mode: 0o600 })],
    [
      'readable by others',
      (file) => {
        writeFileSync(file, randomBytes(32));
        chmodSync(file, 0o640);
      },
    ],
    ['a folder', (file) => mkdirSync(file, { mode: 0o700 })],
  ])('is refused when it is %s', (name, make) => {
    const keyFile = join(room, name);
    make(keyFile);
    const error = refusal(keyFile);
    expect(error.message).toContain(keyFile);
    expect(error.exitCode).toBe(2);
  });

  it('is refused where it is a symlink, or has no folder to be in', () => {
    symlinkSync('/dev/zero', join(room, 'link'));
    expect(refusal(join(room, 'link')).exitCode).toBe(3);
    writeFileSync(join(room, 'file'), '');
    expect(refusal(join(room, 'file/credential.key')).exitCode).toBe(3);
  });

  it('is one key however many start at once', { timeout: 60_000 }, async () => {
    const source = fileURLToPath(new URL('../../../src/events/index.ts', import.meta.url));
    const outDir = join(room, 'bundle');
    await build({
      entry: { events: source },
      outDir,
      format: 'esm',
      config: false,
      silent: true,
      dts: false,
      clean: false,
    });
    writeFileSync(join(outDir, 'package.json'), '{"type":"module"}');
    const keyFile = join(room, 'raced/credential.key');
    const program = `import { openRedactor } from ${JSON.stringify(join(outDir, 'events.js'))};
      while (Date.now() < ${Date.now() + 1500});
      console.log(openRedactor({ keyFile: ${JSON.stringify(keyFile)} }).fingerprint('secret'));`;
    const runs = await Promise.all(
      Array.from({ length: 8 }, () => execa(process.execPath, ['--input-type=module', '-e', program])),
    );
    expect(new Set(runs.map((run) => run.stdout)).size).toBe(1);
    expect(readdirSync(join(room, 'raced'))).toEqual(['credential.key']);
  });

  it("has the machine's place for root, else the user's", () => {
    expect(credentialKeyFile()).toBe(
      process.geteuid?.() === 0
        ? '/var/lib/agentgov/credential.key'
        : join(process.env.XDG_STATE_HOME ?? join(process.env.HOME ?? '', '.local/state'), 'agentgov/credential.key'),
    );
  });
});
