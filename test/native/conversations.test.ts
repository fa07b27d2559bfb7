// From the bytes of an agent's TLS to the reason of what it did: the whole way, on a real agent and a real kernel.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { agentgov, canary, certificate, type Event, monitored, run, type Session, scratch } from '../support/index.js';

const folder = scratch();
const [host, word, key] = [`${canary()}.example`, canary(), `sk-ant-api03-${canary()}${canary()}`];
const command = `echo ${word} https://${host}/ > ${join(folder, 'done')}`;

/** Asks a model, and does what it says. The key goes where clients put it, and where they should not. */
const AGENT = `
  import { request } from 'node:https';
  import { execFileSync } from 'node:child_process';
  const [port, key, word] = process.argv.slice(2);
  const messages = [{ role: 'user', content: 'Read https://' + word + '/ with ' + key }];
  const body = JSON.stringify({ model: 'stand-in', max_tokens: 9, messages });
  const headers = { 'content-type': 'application/json', 'x-api-key': key };
  const asked = request('https://localhost:' + port + '/v1/messages?key=' + key, { method: 'POST', headers }, async (answer) => {
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += piece;
    for (const { input } of JSON.parse(text).content) if (input) execFileSync('/bin/sh', ['-c', input.command]);
    execFileSync('/bin/true', ['of-its-own']);
  });
  asked.end(body);
`;

const ANSWER = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'stand-in-1',
  content: [
    { type: 'text', text: 'So be it.' },
    { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command } },
  ],
  stop_reason: 'tool_use',
  usage: { input_tokens: 31, output_tokens: 7 },
};

describe('monitor --capture-tls', () => {
  let session: Session;
  let asked = '';
  const only = (type: string): Event => {
    const found = session.events.filter(({ event_type }) => event_type === type);
    expect(found, type).toHaveLength(1);
    return found[0] as Event;
  };

  beforeAll(async () => {
    const { cert, key: secret } = certificate(folder);
    const server = createServer({ cert: readFileSync(cert), key: readFileSync(secret) }, async (req, res) => {
      for await (const piece of req) asked += piece;
      res.setHeader('content-type', 'application/json').end(JSON.stringify(ANSWER));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    writeFileSync(join(folder, 'agent.mjs'), AGENT);
    session = await monitored([process.execPath, join(folder, 'agent.mjs'), String(port), key, host], {
      flags: ['--capture-tls'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: cert },
    });
    server.close();
    expect(session.code, session.stderr).toBe(0);
    expect(readFileSync(join(folder, 'done'), 'utf8')).toContain(word);
  });

  it('tells what the model was asked and what it answered', () => {
    const request = only('http_request');
    expect(request).toMatchObject({ http_method: 'POST', server_name: 'localhost', content_bytes: asked.length });
    expect(only('llm_request')).toMatchObject({ provider: 'anthropic', model: 'stand-in', cause_seq: request.seq });
    const answer = { model: 'stand-in-1', input_tokens: 31, output_tokens: 7, stop_reason: 'tool_use' };
    expect(only('llm_response')).toMatchObject(answer);
    const call = { tool: 'Bash', tool_call_id: 'toolu_1', arguments: JSON.stringify({ command }) };
    expect(only('tool_call')).toMatchObject(call);
  });

  it('joins the command to the call that asked for it, and no other', () => {
    const execs = session.events.filter(({ event_type }) => event_type === 'process_exec');
    const exec = (last: string): Event | undefined => execs.find(({ argv }) => argv?.at(-1) === last);
    expect(exec(command)).toMatchObject({ cause_seq: only('tool_call').seq });
    expect(exec('of-its-own')).toMatchObject({ intent: 'unmatched' });
  });

  it('says why, down to the words that the user wrote', async () => {
    const seq = session.events.find(({ argv }) => argv?.at(-1) === command)?.seq;
    const { code, stdout, stderr } = await run([agentgov, 'why', session.logFile, String(seq)]);
    expect(code, stderr).toBe(0);
    const story = stdout.toString();
    const line = (type: string): string => String(only(type).seq);
    for (const step of ['tool_call', 'llm_response', 'llm_request']) expect(story).toContain(line(step));
    expect(story).toContain(host);
  });

  it('lets no secret through, and knows it again', () => {
    expect(asked).toContain(key);
    expect(session.log.includes(key)).toBe(false);
    expect(session.stdout.includes(key)).toBe(false);
    expect(session.stderr).not.toContain(key);
    const used = new Set(session.events.map(({ credential }) => credential).filter((one) => one !== undefined));
    expect([...used]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
  });

  it('says that all of it was read', () => {
    expect(only('tls_coverage')).toMatchObject({ coverage: 'read', tls_libraries: ['openssl'], tls_connections: 1 });
  });
});

it('refuses to keep the content of what nobody captures', async () => {
  const { code, stderr } = await run([agentgov, 'monitor', '--capture-content', '--', 'true']);
  expect(code).toBe(2);
  expect(stderr).toContain('--capture-tls');
});
