// A writer that is killed: what it leaves can be continued, a torn tail is set aside and recorded, and its lock stands in nobody's way.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AuditWriter, canonical, verifyFile } from '../../../src/audit/index.js';
import { random, scaled } from '../../scale.js';
import { builtWithAudit } from './built.js';
import { event, folder } from './logs.js';

const program = `
import { AuditWriter } from './index.js';
const writer = await AuditWriter.open(process.argv[2]);
process.stdout.write('open\\n');
for (;;) {
  for (let index = 0; index < 200; index += 1) writer.appendPrepared(process.argv[3]);
  if (writer.pendingBytes > 2 ** 20) await writer.flush();
  else await new Promise((resolve) => setTimeout(resolve, 2));
}
`;

/** How often one log is continued: each time all of it is verified twice. */
const LIVES = 10;

describe('a killed writer', () => {
  it('leaves a log that the next one continues, at whatever moment it dies', async () => {
    const write = await builtWithAudit(folder(), program);
    let place = folder();
    let path = join(place, 'audit.jsonl');
    const template = canonical({ ...event(1), hash_prev: '', seq: 0 });
    const draw = random('kill the writer');
    let last = 0;
    let tails = 0;
    let events = 0;
    for (let round = 0; round < scaled(200); round += 1) {
      if (round % LIVES === 0) {
        place = folder();
        path = join(place, 'audit.jsonl');
        last = 0;
        tails = 0;
      }
      const child = spawn(process.execPath, [write, path, template], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      await Promise.race([
        once(child.stdout, 'data'),
        once(child, 'exit').then(() => {
          throw new Error('the writer could not begin');
        }),
      ]);
      await expect(AuditWriter.open(path)).rejects.toThrow(`is being written by process ${child.pid}`);
      await new Promise((resolve) => setTimeout(resolve, draw() * 400));
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(readlinkSync(`${path}.lock`)).toContain(`pid=${child.pid} `);

      const left = await verifyFile(path);
      expect(['intact', 'truncated', 'empty'], left.reason).toContain(left.verdict);
      expect(left.events).toBeGreaterThanOrEqual(last);
      const torn = left.verdict === 'truncated' ? 1 : 0;
      const writer = await AuditWriter.open(path);
      expect(writer.tip.count).toBe(left.events + torn);
      tails += torn;
      expect(readdirSync(place).filter((name) => name.includes('.torn-'))).toHaveLength(tails);
      writer.append(event(round));
      await writer.close();
      expect(existsSync(`${path}.lock`)).toBe(false);
      events += left.events + torn + 1 - last;
      last = left.events + torn + 1;
      expect(await verifyFile(path)).toMatchObject({ verdict: 'intact', events: last });
    }
    expect(events).toBeGreaterThan(1000);
  }, 240_000);
});
