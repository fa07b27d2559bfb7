import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import { describe, expect, it, vi } from 'vitest';
import { SCRIPTS, type Script, send, standIn } from './apis.js';
import { chunksOf, hear, recorded, redactor, type Turn } from './tap.js';

vi.setConfig({ testTimeout: 60_000 });

const script = SCRIPTS['anthropic messages, streamed'] as Script;
const record = async (of: Script): Promise<Turn[]> =>
  (await recorded(standIn(of), (port) => send(port, of)))[0] as Turn[];

/** Nothing in it gives it away but the place where it is seen first. */
const plainKey = () => randomBytes(20).toString('base64url').replaceAll('-', 'x').replaceAll('_', 'y');

describe('a secret', () => {
  it.each([
    ['x-api-key', (key: string) => key],
    ['authorization', (key: string) => `Bearer ${key}`],
    ['cookie', (key: string) => `theme=dark; session=${key}`],
    ['x-goog-api-key', (key: string) => key],
  ])('of the header %s is nowhere, and its fingerprint in the event', async (name, value) => {
    const key = plainKey();
    const echoed = JSON.stringify(script.answer).replaceAll('I will pay ', `with ${key} `);
    const turns = await record({
      ...script,
      path: `${script.path}?trace=${key}`,
      headers: { ...script.headers, [name]: value(key) },
      body: JSON.parse(JSON.stringify(script.body).replace('Pay the invoice.', `use ${key}`)),
      answer: JSON.parse(echoed.replaceAll('https://pay', `https://${key}@pay`)),
    });
    expect(turns.map(({ bytes }) => bytes.toString('latin1')).join('')).toContain(key);
    const heard = hear(chunksOf(turns), { captureContent: true });
    expect(heard.one('llm_response').content_bytes).toBeGreaterThan(key.length);
    expect(JSON.stringify(heard.events)).not.toContain(key);
    expect(JSON.stringify(heard.events)).toContain(redactor.fingerprint(key));
    if (name !== 'cookie') expect(heard.one('http_request').credential).toBe(redactor.fingerprint(key));
  });

  it.each(Object.entries(SCRIPTS))(
    'in header, query and body of %s has one fingerprint, and is nowhere',
    async (_name, of) => {
      const key = plainKey();
      const { api, body } = of;
      const header = api === 'gemini' ? 'x-goog-api-key' : api === 'anthropic-messages' ? 'x-api-key' : 'authorization';
      const said = JSON.stringify(body);
      const mention = said.replace('Pay the invoice.', `Pay the invoice with ${key}.`);
      expect(mention).not.toBe(said);
      const turns = await record({
        ...of,
        path: `${of.path}${of.path.includes('?') ? '&' : '?'}key=${key}`,
        headers: { ...of.headers, [header]: header === 'authorization' ? `Bearer ${key}` : key },
        body: JSON.parse(mention) as object,
      });
      expect(
        Buffer.concat(turns.map(({ bytes }) => bytes))
          .toString('latin1')
          .split(key),
      ).toHaveLength(4);
      const heard = hear(chunksOf(turns), { captureContent: true });
      expect(JSON.stringify(heard.events)).not.toContain(key);
      const fingerprint = redactor.fingerprint(key);
      expect(heard.one('http_request').credential).toBe(fingerprint);
      const asked = heard.of('llm_content').find(({ content }) => String(content).includes('Pay the invoice with'));
      expect(asked?.content).toContain(fingerprint);
      const told = heard.events.map(({ credential }) => credential).filter((one) => one !== undefined);
      expect([...new Set(told)]).toEqual([fingerprint]);
    },
  );

  it('has the same fingerprint in header, query and body, of every connection', async () => {
    const key = `sk-ant-api03-${randomBytes(30).toString('hex')}`;
    const chunks = [
      ...chunksOf(await record({ ...script, headers: { 'x-api-key': key } }), 'c1'),
      ...chunksOf(await record({ ...script, path: `${script.path}?key=${key}` }), 'c2'),
    ];
    const heard = hear(chunks);
    expect(heard.of('http_request').map(({ credential }) => credential)).toEqual(
      Array(2).fill(redactor.fingerprint(key)),
    );
    const asked = JSON.parse(
      JSON.stringify(script.answer).replaceAll('curl -s', `KEY=\\\\\\"${key}\\\\\\" curl`),
    ) as Script['answer'];
    const call = hear(chunksOf(await record({ ...script, answer: asked }))).one('tool_call');
    expect(call.arguments).toContain(redactor.fingerprint(key));
    expect(call.arguments).not.toContain(key);
    expect(call.credential).toBe(redactor.fingerprint(key));
  });

  it.each([
    ['escaped as JSON may', (key: string) => [...key].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')],
    ['behind an escaped line end', (key: string) => `a\\n${key}`],
    ['behind a line end that is escaped twice', (key: string) => `{\\"a\\":\\"b\\\\n${key}\\"}`],
  ])('is found in arguments %s', async (_name, spell) => {
    const key = `sk-proj-${randomBytes(30).toString('hex')}`;
    const answer = `{"type":"message","content":[{"type":"tool_use","id":"t","name":"n","input":{"x":"${spell(key)}"}}]}`;
    const server = createServer((req, res) => {
      req.resume().on('end', () => res.setHeader('content-type', 'application/json').end(answer));
    });
    const [turns = []] = await recorded(server, (port) => send(port, script));
    const call = hear(chunksOf(turns)).one('tool_call');
    expect(JSON.stringify(call)).not.toContain(key);
    expect(call.credential).toBe(redactor.fingerprint(key));
  });

  it.each([
    ['a command', 'curl -su me:hunter2 https://h/ && mysql -uroot -phunter2'],
    ['a program', 'python3 - <<E\npassword = "hunter2"\nE'],
    ['a body within a command', `curl -d '${JSON.stringify({ password: 'a"hunter2', b: 1 })}' h`],
  ])('is found in arguments by its place in %s', async (_name, command) => {
    const content = [{ type: 'tool_use', id: 't', name: 'Bash', input: { command, timeout: 5 } }];
    const call = hear(chunksOf(await record({ ...script, answer: { type: 'message', content } }))).one('tool_call');
    expect(call.arguments).not.toContain('hunter2');
    expect(JSON.parse(String(call.arguments))).toMatchObject({ command: expect.stringContaining('[redacted:') });
    expect(call.credential).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is nowhere, wherever a server or a client puts it once it is known', async () => {
    const key = plainKey();
    const call = { id: key, type: 'tool_use', name: `pay-${key}`, input: { x: key } };
    const answer = { id: `msg-${key}`, type: 'message', model: key, content: [call], stop_reason: key };
    const body = JSON.stringify(script.body).replaceAll('toolu_0', key).replace('claude-sonnet-4-5', key);
    const headers = { 'x-api-key': key, host: `user:${key}@pay.example` };
    const asked = await record({ ...script, headers, body: JSON.parse(body), answer });
    const mcp = { jsonrpc: '2.0', id: key, method: key, params: { name: key, arguments: { key } } };
    const error = { jsonrpc: '2.0', id: key, error: { code: key, message: key } };
    const told = await record({ ...script, path: `/mcp/${key}`, headers: { 'x-type': key }, body: mcp, answer: error });
    const typed = await record({ ...script, headers: { 'content-type': `application/json; k=${key}` } });
    const heard = hear([...chunksOf(asked, 'c1'), ...chunksOf(told, 'c2'), ...chunksOf(typed, 'c3')], {
      captureContent: true,
    });
    for (const type of ['llm_response', 'tool_call', 'mcp_request', 'mcp_response', 'llm_content'])
      expect(heard.of(type).length, type).toBeGreaterThan(0);
    expect(heard.of('http_request')).toHaveLength(3);
    for (const event of heard.events) expect(JSON.stringify(event)).not.toContain(key);
  });

  it('is not kept in front of a host', async () => {
    const key = plainKey();
    const turns = await record({ ...script, headers: { host: `user:${key}@pay.example` } });
    const host = hear(chunksOf(turns)).one('http_request').http_host;
    expect(host).toBe(`user:[redacted:url-password:${redactor.fingerprint(key)}]@pay.example`);
  });

  it('is known again in a header that was harmless before', async () => {
    const key = plainKey();
    const turns = [{ 'x-trace': key }, { 'x-api-key': key }, { 'x-trace': key }].map((headers) =>
      record({ ...script, headers }),
    );
    const heard = hear((await Promise.all(turns)).flatMap((of, i) => chunksOf(of, `c${i}`)));
    const fingerprint = redactor.fingerprint(key);
    expect(heard.of('http_request').map(({ credential }) => credential)).toEqual([undefined, fingerprint, fingerprint]);
  });

  it('does not stay in part where a name or a content is cut', async () => {
    const key = plainKey();
    for (const before of [230, 250, 255]) {
      const model = `${'m'.repeat(before)}${key}`;
      const turns = await record({ ...script, headers: { 'x-api-key': key }, body: { ...script.body, model } });
      expect(heard(turns)).not.toContain(key.slice(0, 4));
    }
    for (const cut of [5, 20]) {
      // The beginning of a content is kept up to 1 MB, and the key begins just before that.
      const content = `${'a b '.repeat((1 << 18) - 10)} ${' '.repeat(39 - cut)}${key}`;
      const turns = await record({
        ...script,
        headers: { 'x-api-key': key },
        body: { ...script.body, messages: [{ role: 'user', content }] },
        answer: { type: 'message', content: [{ type: 'text', text: content }] },
      });
      expect(heard(turns)).not.toContain(key.slice(0, Math.min(cut, 12) - 1));
    }
    function heard(turns: Turn[]): string {
      return JSON.stringify(hear(chunksOf(turns), { captureContent: true }).events);
    }
  });

  it('is known however its bytes are cut, and in continued heads of HTTP/2', async () => {
    const key = plainKey();
    const server = createHttp2();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.resume().on('end', () => stream.end('{}'));
    });
    const padding = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`x-${i}`, randomBytes(400).toString('hex')]),
    );
    const [turns = []] = await recorded(server, async (port) => {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      const headers = { ':path': `/${key}/v1/messages`, ':method': 'POST', ...padding, authorization: `Bearer ${key}` };
      const stream = session.request({ ...headers, 'content-type': 'application/json' });
      stream.end(JSON.stringify({ ...script.body, model: key }));
      await new Promise((resolve) => stream.resume().on('close', resolve));
      session.close();
    });
    expect(turns.some(({ bytes }) => bytes.length > 16_384)).toBe(true);
    for (const size of [16_384, 7]) {
      const { events, one } = hear(chunksOf(turns, 'c1', size), { captureContent: true });
      expect(one('llm_request').model).toContain(redactor.fingerprint(key));
      expect(one('http_request').credential).toBe(redactor.fingerprint(key));
      expect(JSON.stringify(events)).not.toContain(key);
    }
  });

  it('is not left over where arguments are cut', async () => {
    const key = `sk-ant-api03-${randomBytes(30).toString('hex')}`;
    for (let before = 4040; before < 4100; before += 5) {
      const input = { x: `${'a'.repeat(before)} ${key}` };
      const answer = { type: 'message', content: [{ type: 'tool_use', id: 't', name: 'n', input }] };
      const call = hear(chunksOf(await record({ ...script, answer }))).one('tool_call');
      expect(call.arguments).not.toMatch(/sk-ant|\[redacted:[a-z-]*(?::[0-9a-f]{0,15})?$/);
    }
  });
});
