import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findLoader } from '../../../src/bpf/index.js';

const root = (): string => mkdtempSync(join(tmpdir(), 'agentgov-find-'));
function put(path: string, mode = 0o755): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '', { mode });
  return path;
}

describe('findLoader', () => {
  it('prefers the build of a checkout over a prebuilt one, which may be old', () => {
    const folder = root();
    const prebuilt = put(join(folder, 'prebuilt/linux-x64/agentgov-loader'));
    expect(findLoader(folder, 'linux-x64')).toBe(prebuilt);
    const built = put(join(folder, 'bpf/build/agentgov-loader'));
    expect(findLoader(folder, 'linux-x64')).toBe(built);
  });

  it('says what to do about a missing one', () => {
    expect(() => findLoader(root(), 'linux-x64')).toThrow(
      expect.objectContaining({ exitCode: 4, message: expect.stringMatching(/agentgov-loader is missing; install/) }),
    );
    expect(() => findLoader(root(), 'linux-riscv64')).toThrow(
      expect.objectContaining({ exitCode: 3, message: expect.stringMatching(/no loader for linux-riscv64/) }),
    );
  });
});
