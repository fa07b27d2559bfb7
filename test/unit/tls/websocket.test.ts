import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SCRIPTS, type Script } from './apis.js';
import { chunksOf, hear, recorded, type Turn } from './tap.js';

const script = SCRIPTS['openai responses, streamed'] as Script;
const events = (script.answer as { events: [string, object][] }).events.map(([, data]) => JSON.stringify(data));
const asked = JSON.stringify({ type: 'response.create', ...script.body });

/** A frame as RFC 6455, 5.2 has it; a client masks it. */
function frame(first: number, payload: Buffer, isMasked: boolean): Buffer {
  const { length } = payload;
  const size = length < 126 ? Buffer.from([length]) : Buffer.from([length < 65_536 ? 126 : 127]);
  const long = length < 126 ? Buffer.alloc(0) : Buffer.alloc(length < 65_536 ? 2 : 8);
  if (long.length === 2) long.writeUInt16BE(length);
  if (long.length === 8) long.writeBigUInt64BE(BigInt(length));
  size[0] = (size[0] as number) | (isMasked ? 0x80 : 0);
  const mask = randomBytes(4);
  const masked = isMasked ? Buffer.concat([mask, payload.map((byte, i) => byte ^ (mask[i & 3] as number))]) : payload;
  return Buffer.concat([Buffer.from([first]), size, long, masked]);
}

/** Deflates messages of one side, each with the window of those before it (RFC 7692). */
function deflater(): (text: string) => Buffer {
  let window = Buffer.alloc(0);
  return (text) => {
    const bytes = Buffer.from(text);
    const options = { finishFlush: constants.Z_SYNC_FLUSH, ...(window.length > 0 ? { dictionary: window } : {}) };
    window = Buffer.from(Buffer.concat([window, bytes]).subarray(-32_768));
    return deflateRawSync(bytes, options).subarray(0, -4);
  };
}

const upgraded = (extensions: string, server: Buffer[], client: Buffer[]): Promise<Turn[][]> => {
  const http = createServer();
  http.on('upgrade', (_request, socket) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${extensions}\r\n`);
    // It answers what it has got whole.
    let left = Buffer.concat(client).length;
    socket.on('data', (bytes: Buffer) => {
      left -= bytes.length;
      if (left > 0) return;
      for (const answer of server) socket.write(answer);
      socket.end();
    });
  });
  return recorded(
    http,
    (port) =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () =>
          socket.write(
            'GET /v1/responses HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\n\r\n',
          ),
        );
        socket.once('data', () => {
          for (const bytes of client) socket.write(bytes);
        });
        socket.on('close', resolve).resume();
      }),
  );
};

const expectExchange = (turns: Turn[]) => {
  for (const size of [1, 16_384]) {
    const heard = hear(chunksOf(turns, 'c1', size));
    expect(heard.one('http_response')).toMatchObject({ http_status: 101, http_path: '/v1/responses' });
    expect(heard.one('llm_request')).toMatchObject({ llm_api: 'openai-responses', model: 'gpt-5-codex' });
    expect(heard.one('llm_response')).toMatchObject({ stop_reason: 'completed', tool_calls: 1, ...script.says.usage });
    expect(heard.one('tool_call').arguments).toBe(JSON.stringify(script.tool.args));
    expect(heard.of('conversation_gap')).toEqual([]);
  }
};

describe('a WebSocket', () => {
  it('carries model exchanges, in frames that are cut and mixed with pings', async () => {
    const bytes = Buffer.from(asked);
    const client = [
      frame(0x01, bytes.subarray(0, 100), true),
      frame(0x89, Buffer.from('ping'), true),
      frame(0x00, bytes.subarray(100, 300), true),
      frame(0x80, bytes.subarray(300), true),
    ];
    const server = events.map((text) => frame(0x81, Buffer.from(text), false));
    expectExchange((await upgraded('', server, client))[0] as Turn[]);
  });

  it('carries them deflated, each message with the window of the ones before', async () => {
    const [own, other] = [deflater(), deflater()];
    const client = [frame(0xc1, own(asked), true)];
    const server = events.map((text) => frame(0xc1, other(text), false));
    const extensions = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';
    expectExchange((await upgraded(extensions, server, client))[0] as Turn[]);
  });

  it('says what it cannot unpack', async () => {
    const broken = [frame(0xc1, Buffer.alloc(50, 0xff), false)];
    const turns = (await upgraded('', broken, [frame(0x81, Buffer.from(asked), true)]))[0] as Turn[];
    const heard = hear(chunksOf(turns));
    expect(heard.one('conversation_gap').reason).toMatch(/could not be unpacked/);
    expect(heard.one('llm_response')).toMatchObject({ incomplete: true });
  });
});
