// A large body that no path tells of is searched for a name before it is parsed. Nothing that is understood may be missed
// by that, and what is nothing of the kind must not be parsed.
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { BODY_MAX } from '../../../src/cause/index.js';
import { SCRIPTS, type Script } from './apis.js';
import { chunksOf, hear } from './tap.js';

const LARGE = 4 * BODY_MAX;

/** A request of a gateway's own path with that body, and no answer. */
const post = (body: string | Buffer, { path = '/route/17', coding = 'identity' } = {}) => {
  const bytes = Buffer.from(body as string);
  const head = `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Encoding: ${coding}\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return hear(chunksOf([{ direction: 'out', bytes: Buffer.concat([Buffer.from(head), bytes]) }]));
};

/** Behind something long, so that it is not at the beginning that it is recognised. */
const enlarged = (body: object): string => JSON.stringify({ padding: 'x'.repeat(LARGE), ...body });

/** The same document with its first letters escaped, in every name. */
const escaped = (json: string): string =>
  json.replace(/"([a-z])(\w*)":/g, (_, first: string, rest: string) => {
    const code = first.charCodeAt(0).toString(16).padStart(4, '0');
    return `"\\u${code}${rest}":`;
  });

const CALL = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'pay', arguments: { to: 'x' } } };

describe.each<[string, (json: string) => string]>([
  ['as it is', (json) => json],
  ['with escapes in its names', escaped],
])('a large body, %s', (_name, spell) => {
  it.each(Object.entries(SCRIPTS))('is known for what %s is', (_api, script: Script) => {
    const path = script.api === 'ollama' ? script.path : undefined;
    const json = spell(enlarged(script.body));
    for (const [body, coding] of [[json, 'identity'] as const, [gzipSync(json), 'gzip'] as const])
      expect(post(body, { coding, ...(path && { path }) }).one('llm_request')).toMatchObject({ llm_api: script.api });
  });

  it('is known for MCP', () => {
    expect(post(spell(enlarged(CALL))).one('mcp_request')).toMatchObject({ mcp_method: 'tools/call', tool: 'pay' });
  });
});

it('a large body without any such name is not parsed', () => {
  const parse = vi.spyOn(JSON, 'parse');
  const isParsed = () => parse.mock.calls.some(([text]) => text.length > LARGE);
  try {
    const body = enlarged({ messages: [{ role: 'user', content: 'x' }], prompt: 'x', input: [{ role: 'user' }] });
    const heard = post(body);
    expect(heard.one('http_request')).toMatchObject({ content_bytes: body.length });
    expect(isParsed()).toBe(false);
    post(enlarged({ model: 'm' }));
    expect(isParsed()).toBe(true);
  } finally {
    parse.mockRestore();
  }
});
