import { randomBytes } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { type Packing, SCRIPTS, type Script, send, standIn, TOOL_RESULT } from './apis.js';
import { chunksOf, hear, recorded, redactor, type Turn } from './tap.js';

vi.setConfig({ testTimeout: 60_000 });

const keyed = (text: string): string => redactor.hash().update(text).digest('hex');

const record = async (script: Script, packing: Packing = 'identity', pack: Packing = 'identity'): Promise<Turn[]> =>
  (await recorded(standIn(script, packing), (port) => send(port, script, pack)))[0] as Turn[];

function expectExchange(heard: ReturnType<typeof hear>, script: Script): void {
  const { api, provider, says, tool } = script;
  const asked = heard.one('llm_request');
  expect(asked).toMatchObject({ llm_api: api, provider, messages: expect.any(Number), tools: 1 });
  expect(asked.cause_seq).toBe(heard.one('http_request').seq);
  const answered = heard.one('llm_response');
  expect(answered).toMatchObject({
    llm_api: api,
    provider,
    model: says.model,
    ...(says.id === undefined ? {} : { response_id: says.id }),
    stop_reason: says.stop,
    http_status: 200,
    tool_calls: 1,
    cause_seq: asked.seq,
    content_bytes: Buffer.byteLength(says.text),
    content_hmac: keyed(says.text),
    ...says.usage,
  });
  expect(answered.incomplete).toBeUndefined();
  expect(heard.one('tool_call')).toMatchObject({
    tool: tool.name,
    ...(tool.id === undefined ? {} : { tool_call_id: tool.id }),
    arguments: JSON.stringify(tool.args),
    arguments_bytes: JSON.stringify(tool.args).length,
    arguments_hmac: keyed(JSON.stringify(tool.args)),
    cause_seq: asked.seq,
  });
  expect(Number(heard.one('tool_call').seq)).toBeLessThan(Number(answered.seq));
  // What the tool gave is the same content for every API that carries it as a text.
  const result = heard.of('llm_content').find(({ role }) => role === 'tool');
  expect(result).toMatchObject({ cause_seq: asked.seq });
  expect(asked.tool_results).toEqual([`toolu_0 ${String(result?.content_hmac).slice(0, 16)}`]);
  if (api !== 'gemini') expect(result).toMatchObject({ tool_call_id: 'toolu_0', content_hmac: keyed(TOOL_RESULT) });
}

describe.each(Object.entries(SCRIPTS))('%s', (_name, script) => {
  it('is understood, however it is cut', async () => {
    const turns = await record(script);
    const heard = hear(chunksOf(turns));
    expectExchange(heard, script);
    expectExchange(hear(chunksOf(turns, 'c1', 1)), script);
  });

  it('is understood through a gateway with paths of its own', async () => {
    // Gemini's model is nowhere but in the path, and Ollama's requests are told by theirs.
    const path = ['gemini', 'ollama'].includes(script.api) ? `/proxy${script.path}` : '/llm/route/17';
    expectExchange(hear(chunksOf(await record({ ...script, path, headers: {} }))), script);
  });

  it.each<[Packing, Packing]>([
    ['gzip', 'identity'],
    ['br', 'gzip'],
  ])('is understood with the answer in %s and the request in %s', async (packing, pack) => {
    expectExchange(hear(chunksOf(await record(script, packing, pack))), script);
  });

  it('keeps no content unless it is told to', async () => {
    const canary = `canary-${randomBytes(8).toString('hex')}`;
    const marked = JSON.parse(
      JSON.stringify(script).replaceAll('finance agent', canary).replaceAll('I will pay', canary),
    ) as Script;
    const turns = await record(marked);
    expect(Buffer.concat(turns.map(({ bytes }) => bytes)).toString()).toContain(canary);
    expect(JSON.stringify(hear(chunksOf(turns)).events)).not.toContain(canary);
    const kept = hear(chunksOf(turns), { captureContent: true });
    expect(kept.one('llm_response').content).toContain(canary);
    expect(kept.of('llm_content').find(({ role }) => role === 'system')?.content).toContain(canary);
  });

  it('leaves arguments out when it is told to', async () => {
    const call = hear(chunksOf(await record(script)), { toolArgs: false }).one('tool_call');
    expect(call.arguments).toBeUndefined();
    expect(call.arguments_hmac).toBe(keyed(JSON.stringify(script.tool.args)));
  });

  it('is marked where its end is missing', async () => {
    const heard = hear(chunksOf(await record(script), 'c1', 50).slice(0, -7));
    expect(heard.one('llm_response')).toMatchObject({ incomplete: true, reason: expect.stringContaining('ended') });
    expect(heard.one('http_response')).toMatchObject({ incomplete: true });
  });
});

const anthropic = SCRIPTS['anthropic messages'] as Script;

describe('a conversation', () => {
  it('says where the words of arguments came in, with the arguments or without', async () => {
    const ask = { ...anthropic.body, messages: [{ role: 'user', content: 'Look at https://words.example/x first.' }] };
    const answer = {
      ...anthropic.answer,
      content: [{ type: 'tool_use', id: 't', name: 'fetch', input: { url: 'http://words.example/' } }],
    };
    const chunks = chunksOf(await record({ ...anthropic, body: ask, answer }));
    const heard = hear(chunks);
    const from = heard.of('llm_content').find(({ role }) => role === 'user')?.seq;
    expect(heard.one('tool_call').words_from).toEqual([`words.example ${from}`]);
    const { words_from: bare } = hear(chunks, { toolArgs: false }).one('tool_call');
    expect(bare).toEqual([`#${keyed('words.example').slice(0, 16)} ${from}`]);
  });

  it('says which request was sent for which call', async () => {
    const input = { account: 'XX00DEMO31337', amount: '980.00' };
    const answer = { ...anthropic.answer, content: [{ type: 'tool_use', id: 't', name: 'pay', input }] };
    const asked = chunksOf(await record({ ...anthropic, answer }), 'c1');
    const [sent = []] = await recorded(standIn({ answer: {} }), (port) =>
      send(port, { path: '/v1/payments', body: { amount: '980.00', account: 'XX00DEMO31337' } }),
    );
    const later = chunksOf(sent, 'c2').map((chunk) => ({ ...chunk, ts_us: chunk.ts_us + 1_000_000 }));
    const heard = hear([...asked, ...later, ...chunksOf(await record(anthropic), 'c3')]);
    const requests = heard.of('http_request').map(({ cause_seq, cause_by }) => [cause_seq, cause_by]);
    const call = heard.of('tool_call')[0]?.seq;
    expect(requests).toEqual([
      [undefined, undefined],
      [call, 'body'],
      [undefined, undefined],
    ]);
  });

  it('tells each piece of content once, when it is new', async () => {
    const turns = await record(anthropic);
    const chunks = [...chunksOf(turns, 'c1'), ...chunksOf(turns, 'c2')];
    const heard = hear(chunks);
    expect(heard.of('llm_request')).toHaveLength(2);
    expect(heard.of('llm_content').map(({ role }) => role)).toEqual(['system', 'tool_definition', 'user', 'tool']);
    expect(heard.of('llm_request')[1]?.tool_results).toBeUndefined();
  });

  it('tells the error that a model API answers with', async () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    const server = standIn({ answer: error }, 'identity', 529);
    const [turns = []] = await recorded(server, (port) => send(port, anthropic));
    expect(hear(chunksOf(turns)).one('llm_response')).toMatchObject({
      http_status: 529,
      error_type: 'overloaded_error',
      tool_calls: 0,
    });
  });

  it('cuts long arguments, and hashes all of them', async () => {
    const args = { text: 'é'.repeat(9000) };
    const text = JSON.stringify(args);
    const script = {
      ...anthropic,
      answer: { ...anthropic.answer, content: [{ type: 'tool_use', id: 't', name: 'Write', input: args }] },
    };
    const call = hear(chunksOf(await record(script))).one('tool_call');
    expect(call).toMatchObject({ arguments_cut: true, arguments_hmac: keyed(text) });
    expect(call.arguments_bytes).toBe(Buffer.byteLength(text));
    expect(text.startsWith(String(call.arguments))).toBe(true);
    expect(Buffer.byteLength(String(call.arguments))).toBeGreaterThan(4000);
  });

  it('takes other JSON for no model request', async () => {
    const bodies = [
      { model: 'text-embedding-3-small', input: ['a', 'b'] },
      { messages: ['a'], model: 'x' },
      { user: 'x', contents: 'y' },
      [],
      'text',
    ];
    for (const body of bodies) {
      const script = { ...anthropic, path: '/v1/other', headers: {}, body: body as object };
      const heard = hear(chunksOf(await record(script)));
      expect(heard.events.map(({ event_type }) => event_type)).toEqual(['http_request', 'http_response']);
    }
  });
});

describe('MCP over HTTP', () => {
  const call = {
    jsonrpc: '2.0',
    id: 7,
    method: 'tools/call',
    params: { name: 'transfer', arguments: { to: 'DE02', amount: 5 } },
  };
  const answer = { jsonrpc: '2.0', id: 7, result: { content: [{ type: 'text', text: 'done' }], isError: false } };

  it.each<[string, Script['answer']]>([
    ['a document', answer],
    [
      'an event',
      {
        events: [
          ['message', { jsonrpc: '2.0', method: 'notifications/progress' }],
          ['message', answer],
        ],
      },
    ],
  ])('is told with %s as its answer', async (_name, given) => {
    const script = { ...anthropic, path: '/mcp', headers: { 'mcp-protocol-version': '2025-06-18' }, body: call };
    const heard = hear(chunksOf(await record({ ...script, answer: given })));
    const asked = heard.one('mcp_request');
    expect(asked).toMatchObject({
      mcp_method: 'tools/call',
      tool: 'transfer',
      tool_call_id: '7',
      arguments: '{"to":"DE02","amount":5}',
      cause_seq: heard.one('http_request').seq,
    });
    const answered = heard.one('mcp_response');
    expect(answered).toMatchObject({ tool: 'transfer', cause_seq: asked.seq });
    expect(answered.content_hmac).toBe(keyed(JSON.stringify(answer.result)));
    expect(answered.error_type).toBeUndefined();
  });
});
