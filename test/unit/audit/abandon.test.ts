import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AuditWriter, verifyFile } from '../../../src/audit/index.js';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: writing to a full disk needs root, to mount a small tmpfs');

const event = (index: number) => ({
  action: 'OBSERVED',
  agent_id: 'a',
  event_type: 'file_open',
  path: `/${'long/'.repeat(40)}${index}`,
  pid: 1,
  timestamp: '2026-04-14T09:23:01.234Z',
});

describe.skipIf(!isRoot)('a log that ends on a full disk', () => {
  it('has its last words in the room that was kept for them', async () => {
    const place = mkdtempSync(join(tmpdir(), 'agentgov-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'agentgov-test', place]);
    onTestFinished(() => void execFileSync('umount', ['-l', place]));
    const path = join(place, 'audit.jsonl');
    const writer = await AuditWriter.open(path, { reserve: true });
    let failed = 0;
    writer.onFailure = () => {
      failed += 1;
    };
    const attempts = 5000;
    for (let index = 0; index < attempts; index += 1) writer.append(event(index));
    await writer.flush();
    expect(writer.pendingBytes).toBeGreaterThan(0);
    const given = await writer.abandon();
    expect(given).toBeGreaterThan(0);
    expect(writer.lostEvents).toBe(given);
    const last = writer.append({ ...event(0), event_type: 'session_end' });
    expect(last?.seq).toBe(attempts - given + 1);
    await writer.close();
    expect(failed).toBe(1);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: attempts - given + 1 });
    expect(existsSync(`${path}.reserve`)).toBe(false);
  });

  it('gives nothing up where there is room', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'agentgov-full-')), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { reserve: true });
    expect(existsSync(`${path}.reserve`)).toBe(true);
    writer.append(event(1));
    expect(await writer.abandon()).toBe(0);
    await writer.close();
    expect(existsSync(`${path}.reserve`)).toBe(false);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 1 });
  });
});
