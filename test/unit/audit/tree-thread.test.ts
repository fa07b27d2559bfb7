// A tree that was grown in another thread is the tree of the log.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadKey, makeKey, readVkeys, verifyFile } from '../../../src/audit/index.js';
import { builtWithAudit } from './built.js';
import { event, folder } from './logs.js';

const EVENTS = 30_000;

const program = `
import { AuditWriter, loadKey } from './index.js';
const [log, keyFile, event] = process.argv.slice(2);
const writer = await AuditWriter.open(log, { checkpoints: { key: await loadKey(keyFile), everyEvents: 10_000 } });
for (let index = 0; index < ${EVENTS}; index += 1) {
  writer.append(JSON.parse(event));
  if (index % 1000 === 0) await writer.flush();
}
await writer.close();
`;

it('signs what it has hashed in another thread, and says so when that fails', async () => {
  const place = folder();
  const script = await builtWithAudit(place, program);
  const keyFile = join(place, 'key');
  await makeKey(keyFile);
  const write = (log: string) =>
    spawnSync(process.execPath, [script, log, keyFile, JSON.stringify(event(1))], {
      encoding: 'utf8',
    });

  const log = join(place, 'audit.jsonl');
  expect(write(log).stderr).toBe('');
  const keys = await readVkeys((await loadKey(keyFile)).vkey);
  expect(await verifyFile(log, { keys })).toMatchObject({ verdict: 'intact', checks: { checkpoints: 'ok' } });

  // Which also shows that there was another thread.
  writeFileSync(join(place, 'audit-tree.js'), 'throw new Error("no thread today");');
  expect(write(join(place, 'other.jsonl')).stderr).toContain('no thread today');
}, 60_000);
