// The tip file: what it shows that a chain alone does not, and what a writer makes of it.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { AuditWriter, verifyFile } from '../../../src/audit/index.js';
import { readTip, tipPath } from '../../../src/audit/tip-file.js';
import { chain, event, folder, hashOf, joined, makeLines, sealed, ZEROS } from './logs.js';

const lines = makeLines(30);
const at = (index: number): string => lines[index] ?? '';

/** A log of these 30 lines, written and closed by the real writer. */
async function written(count = 30): Promise<string> {
  const path = join(folder(), 'audit.jsonl');
  const writer = await AuditWriter.open(path);
  for (let index = 0; index < count; index += 1) writer.append(event(index));
  await writer.close();
  return path;
}

describe('the tip file', () => {
  it('says where the log stands, for its owner alone', async () => {
    const path = await written();
    expect(readFileSync(path, 'utf8')).toBe(joined(lines));
    expect(statSync(tipPath(path)).mode & 0o777).toBe(0o600);
    expect(await readTip(path)).toEqual({
      count: 30,
      hash: hashOf(at(29)),
      size: statSync(path).size,
      log: hashOf(at(0)),
      closed: true,
    });
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', checks: { chain: 'ok', tip: 'ok' } });
    rmSync(tipPath(path));
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', checks: { tip: 'absent' } });
  });

  it('follows the log while it is written, and never runs ahead of it', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { fsyncMs: 0 });
    for (let index = 0; index < 5; index += 1) {
      writer.append(event(index));
      await writer.flush();
      expect(await readTip(path)).toMatchObject({ count: index + 1, size: statSync(path).size, closed: false });
    }
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', live: true, checks: { tip: 'ok' } });
    await writer.close();
  });

  it('survives a write that was torn in its middle', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { fsyncMs: 0 });
    for (const index of [0, 1]) {
      writer.append(event(index));
      await writer.flush();
    }
    await writer.close();
    const whole = readFileSync(tipPath(path));
    const newest = whole.toString('latin1', 0, 512).includes('"closed": true') ? 0 : 512;
    const torn = Buffer.from(whole);
    torn.fill('x', newest + 40, newest + 80);
    writeFileSync(tipPath(path), torn);
    expect(await readTip(path)).toMatchObject({ count: 2, closed: false });
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', checks: { tip: 'ok' } });
    torn.fill('x', 512 - newest + 40, 512 - newest + 80);
    writeFileSync(tipPath(path), torn);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'tampered', checks: { chain: 'ok', tip: 'failed' } });
    await expect(AuditWriter.open(path)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('is damaged'),
    });
  });

  const attacks: Array<[string, string[] | undefined, 'truncated' | 'tampered', number | null]> = [
    ['tail cut at a line end', lines.slice(0, 20), 'truncated', null],
    ['last line replaced', [...lines.slice(0, 29), sealed(event(77), 30, hashOf(at(28)))], 'tampered', 30],
    ['events added', [...lines, sealed(event(77), 31, hashOf(at(29)))], 'tampered', 31],
    ['whole rewrite', chain(Array.from({ length: 30 }, (_, index) => event(index + 500))), 'tampered', 30],
    ['rewrite to a longer log', chain(Array.from({ length: 40 }, (_, index) => event(index + 500))), 'tampered', 31],
    [
      'prefix cut and renumbered',
      chain(Array.from({ length: 20 }, (_, index) => event(index + 10))),
      'truncated',
      null,
    ],
    [
      'fork',
      [
        ...lines.slice(0, 25),
        ...chain(
          lines.slice(25).map((_, i) => event(i)),
          26,
          hashOf(at(24)),
        ),
      ],
      'tampered',
      30,
    ],
    ['older copy put back', lines.slice(0, 10), 'truncated', null],
    ['wiped', [], 'truncated', null],
    ['removed', undefined, 'truncated', null],
  ];
  it.each(attacks)('shows: %s', async (_, content, verdict, line) => {
    const path = await written();
    if (content === undefined) rmSync(path);
    else writeFileSync(path, joined(content));
    expect(await verifyFile(path)).toMatchObject({
      verdict,
      first_bad_line: line,
      checks: { chain: 'ok', tip: 'failed' },
    });
    await expect(AuditWriter.open(path)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('so nothing is added to it'),
    });
    // A refused log is left as it is (a missing one is begun empty before its end is known).
    expect(readFileSync(path, 'utf8')).toBe(joined(content ?? []));
    // Without the tip file the chain alone lets it pass.
    rmSync(tipPath(path));
    expect((await verifyFile(path)).verdict).toBe(content?.length ? 'intact' : 'empty');
  });

  it('lets lines follow that a killed writer had written and not yet secured', async () => {
    const path = await written(10);
    const writer = await AuditWriter.open(path, { fsyncMs: 0 });
    writer.append(event(10));
    await writer.flush();
    const tip = readFileSync(tipPath(path));
    for (let index = 11; index < 1300; index += 1) writer.append(event(index));
    await writer.close();
    // As if it had been killed before the next fdatasync.
    writeFileSync(tipPath(path), tip);
    expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: 1300, checks: { tip: 'ok' } });
    const next = await AuditWriter.open(path);
    expect(next.tip.count).toBe(1300);
    await next.close();
    expect(await readTip(path)).toMatchObject({ count: 1300, closed: true });
  });

  it('no longer says closed when the next writer begins, before there is a line', async () => {
    const path = await written();
    const closed = await readTip(path);
    const writer = await AuditWriter.open(path);
    expect(await readTip(path)).toEqual({ ...closed, closed: false });
    await writer.close();
    expect(await readTip(path)).toEqual(closed);
  });

  it('is not needed', async () => {
    const path = await written();
    rmSync(tipPath(path));
    const writer = await AuditWriter.open(path);
    writer.append(event(30));
    await writer.close();
    expect(await readTip(path)).toMatchObject({ count: 31, log: hashOf(at(0)) });
  });

  it('knows an empty log', async () => {
    const path = join(folder(), 'audit.jsonl');
    await (await AuditWriter.open(path)).close();
    expect(await readTip(path)).toMatchObject({ count: 0, hash: ZEROS, log: ZEROS, closed: true });
    expect(await verifyFile(path)).toMatchObject({ verdict: 'empty', checks: { tip: 'ok' } });
    writeFileSync(path, joined(makeLines(1)));
    expect(await verifyFile(path)).toMatchObject({ verdict: 'tampered', first_bad_line: 1 });
  });

  it('is written only after the log is durable', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { fsyncMs: 300 });
    writer.append(event(0));
    await vi.waitFor(async () => expect(await readTip(path)).toMatchObject({ count: 1 }));
    writer.append(event(1));
    await writer.flush();
    expect(existsSync(path) && readFileSync(path, 'utf8').split('\n')).toHaveLength(3);
    expect(await readTip(path)).toMatchObject({ count: 1 });
    await vi.waitFor(async () => expect(await readTip(path)).toMatchObject({ count: 2 }), { timeout: 3000 });
    await writer.close();
  });
});
