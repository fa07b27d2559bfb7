// What one session has written about verdicts is counted over all files of its log, and nothing of other sessions is.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AuditWriter, openPast } from '../../../src/audit/index.js';
import { event, folder } from './logs.js';

const lost = (count: number, fields: object) => ({ ...event(count), event_type: 'events_lost', count, ...fields });

it('counts verdicts and their losses from the session_start that is meant to the end of what was there', async () => {
  const path = join(folder(), 'audit.jsonl');
  const writer = await AuditWriter.open(path, { rotateBytes: 4000 });
  const start = (pid: number) =>
    writer.append({ ...event(pid), event_type: 'session_start', action: 'OBSERVED', pid, session_id: `s${pid}` });
  const verdicts = (count: number, action: string) => {
    for (let at = 0; at < count; at++) writer.append({ ...event(at), event_type: 'file_open', action, access: 'read' });
  };
  start(7);
  verdicts(5, 'BLOCKED');
  start(8);
  verdicts(30, 'BLOCKED');
  await writer.flush();
  verdicts(40, 'ALLOWED');
  await writer.flush();
  writer.append(lost(100, { class: 'verdict', reason: 'unattended', session_id: 's8' }));
  writer.append(lost(3, { class: 'verdict', reason: 'ring_full' }));
  writer.append(lost(9, { class: 'file', reason: 'ring_full' }));
  verdicts(11, 'WOULD_BLOCK');
  start(9);
  writer.append(lost(1000, { class: 'verdict', reason: 'unattended', session_id: 's9' }));
  verdicts(5, 'BLOCKED');
  await writer.flush();
  const [past, other] = await Promise.all([openPast(path), openPast(path)]);
  verdicts(200, 'BLOCKED');
  await writer.flush();
  expect(await past.verdictsSince(({ pid }) => pid === 8)).toBe(30 + 11 + 5 + 3 + 1000);
  expect(await other.verdictsSince(({ pid }) => pid === 10)).toBe(0);
  await writer.close();
});
