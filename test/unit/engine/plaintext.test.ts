import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { AuditWriter, readLog, verifyFile } from '../../../src/audit/index.js';
import { Intake } from '../../../src/engine/intake.js';
import { conversationsOf } from '../../../src/engine/plaintext.js';
import type { AgentEvent } from '../../../src/events/index.js';
import { scratch } from '../../support/index.js';
import { SCRIPTS, type Script, send, standIn } from '../tls/apis.js';
import { chunksOf, recorded, redactor, type Turn } from '../tls/tap.js';

const folder = scratch();
const script = SCRIPTS['openai chat, streamed'] as Script;

it('writes the conversations of a session into its log, behind its beginning', async () => {
  const key = `sk-proj-${randomBytes(24).toString('hex')}`;
  const headers = { authorization: `Bearer ${key}` };
  const [turns] = await recorded(standIn(script), (port) => send(port, { ...script, headers }));
  const path = join(folder, 'audit.jsonl');
  const writer = await AuditWriter.open(path, { agentId: 'a' });
  const openConversations = conversationsOf('a', redactor, {});
  const intake = new Intake({
    agentId: 'a',
    log: writer,
    redactor,
    openConversations,
    lossEvent: () => start,
    gapEvent: () => start,
  });
  const start = { event_type: 'session_start', action: 'OBSERVED', agent_id: 'a', pid: 1, timestamp: stamp } as const;
  const chunks = chunksOf(turns as Turn[]);
  intake.peer({ connection: 'c1', joined: false, dest_ip: '192.0.2.7', dest_port: 443 });
  for (const chunk of chunks.slice(0, 2)) intake.chunk(chunk);
  intake.begin(start);
  for (const chunk of chunks.slice(2)) intake.chunk(chunk);
  intake.finish();
  await writer.close();

  expect((await verifyFile(path)).verdict).toBe('intact');
  const events: AgentEvent[] = [];
  for await (const lines of readLog({ log: path, files: [path] }))
    events.push(...lines.map((line) => JSON.parse(line) as AgentEvent));
  expect(intake.events).toBe(events.length);
  const types = events.map(({ event_type }) => event_type);
  expect(types[0]).toBe('session_start');
  expect(types.slice(-3)).toEqual(['tool_call', 'llm_response', 'http_response']);
  const asked = events[types.indexOf('http_request')];
  expect(asked).toMatchObject({ dest_ip: '192.0.2.7', dest_port: 443, credential: redactor.fingerprint(key) });
  expect(events[types.indexOf('llm_request')]?.cause_seq).toBe(asked?.seq);
  expect(JSON.stringify(events)).not.toContain(key);
});

const stamp = '2026-04-14T09:23:01.234Z';
