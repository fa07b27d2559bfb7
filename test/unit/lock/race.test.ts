// The one moment that decides whether a stale lock is taken over safely, made to happen.
import { readlinkSync, symlinkSync } from 'node:fs';
import type * as Files from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { lockPath, takeLock } from '../../../src/lock.js';
import { folder } from '../audit/logs.js';

const meanwhile = vi.hoisted(() => ({ beforeSymlink: async (_path: string): Promise<void> => {} }));
vi.mock('node:fs/promises', async (original) => {
  const files = await original<typeof Files>();
  return {
    ...files,
    symlink: async (text: string, path: string) => {
      await meanwhile.beforeSymlink(path);
      return files.symlink(text, path);
    },
  };
});

it('does not replace the lock of a writer that was faster', async () => {
  const log = join(folder(), 'audit.jsonl');
  symlinkSync('pid=1 start=1 boot=00000000-0000-4000-8000-000000000000 pidns=1 nonce=00', lockPath(log));
  let fasterOne: string | undefined;
  meanwhile.beforeSymlink = async (path) => {
    // The slow one has read the stale lock and is about to claim its replacement.
    if (path === lockPath(log)) return;
    meanwhile.beforeSymlink = async () => {};
    await takeLock(log);
    fasterOne = readlinkSync(lockPath(log));
  };
  await expect(takeLock(log)).rejects.toThrow(`is being written by process ${process.pid}`);
  expect(fasterOne).toContain(`pid=${process.pid} `);
  expect(readlinkSync(lockPath(log))).toBe(fasterOne);
});
