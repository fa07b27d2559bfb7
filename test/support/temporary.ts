import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Gives all tests of a run one temporary folder, which is removed when the last has ended. The workers inherit it. */
export default function temporary(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'agentgov-unit-'));
  process.env.TMPDIR = folder;
  return () => {
    if (process.env.AGENTGOV_KEEP !== '1') rmSync(folder, { recursive: true, force: true });
  };
}
