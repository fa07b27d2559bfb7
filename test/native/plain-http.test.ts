// HTTP without TLS, as local models and gateways speak it: byte for byte what the server's own record says.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  canary,
  captureTls,
  type Event,
  exactPlain,
  mirrored,
  monitored,
  plainPeer,
  run,
  scratch,
  sides,
} from '../support/index.js';
import { SCRIPTS, type Script, standIn } from '../unit/tls/apis.js';

const folder = scratch();
const python = (...lines: string[]): string[] => ['python3', '-c', lines.join('\n')];

describe('a real program, byte for byte', () => {
  it('curl, python3 (http.client, asyncio) and node (fetch, http with many buffers at once)', async () => {
    const body = join(folder, canary());
    writeFileSync(body, Buffer.alloc(300_000, canary()));
    const scripts = [canary(), canary(), canary()].map((name) => join(folder, name));
    const { connections } = await exactPlain(
      (port) => {
        const url = `http://127.0.0.1:${port}/${canary()}`;
        const [client, loop, many] = scripts as [string, string, string];
        writeFileSync(
          client,
          `import http.client, socket, time
c = http.client.HTTPConnection("127.0.0.1", ${port})
for n in range(3):
    c.request("PUT", "/${canary()}/%d" % (n * 40000), body=b"p" * 70000)
    assert len(c.getresponse().read()) == n * 40000
s = socket.create_connection(("127.0.0.1", ${port}))
s.sendall(b"GET /${canary()}/3000 HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n")
time.sleep(0.5) # the last bytes and the end of the stream are read at once
while s.recv(100000): pass`,
        );
        writeFileSync(
          loop,
          `import asyncio
async def main():
    r, w = await asyncio.open_connection("127.0.0.1", ${port})
    w.write(b"POST /${canary()}/90000 HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 50000\\r\\nconnection: close\\r\\n\\r\\n")
    w.write(b"a" * 50000)
    await r.read()
    w.close()
asyncio.run(main())`,
        );
        writeFileSync(
          many,
          `const http = require('http');
          const agent = new http.Agent({ keepAlive: true });
          const request = http.request('${url}/5000', { method: 'POST', agent }, (response) => {
            response.resume();
            response.on('end', async () => {
              agent.destroy();
              const two = await fetch('${url}/70000', { method: 'POST', body: 'f'.repeat(100_000) });
              process.exit((await two.arrayBuffer()).byteLength === 70_000 ? 0 : 9);
            });
          });
          request.cork();
          for (let n = 0; n < 50; n++) request.write('chunk ' + n);
          request.end();`,
        );
        const curl = `curl -sf --data-binary @${body} -o /dev/null ${url}/200000`;
        return `${curl} && python3 ${client} && python3 ${loop} && ${process.execPath} ${many}`;
      },
      { fits: 6 },
    );
    for (const { peer } of connections) expect(peer).toMatchObject({ library: 'plain', dest_ip: '127.0.0.1' });
  });

  it('a server in the tree, whose client is outside', async () => {
    const script = `
import http.server
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        n = int(self.headers["content-length"])
        body = self.rfile.read(n)
        self.send_response(200); self.send_header("content-length", str(n)); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
open("${folder}/port", "w").write(str(s.server_port))
s.handle_request()`;
    const capture = await captureTls(['python3', '-c', script]);
    const ended = capture.run();
    const word = canary();
    const client = `until test -s ${folder}/port; do sleep 0.05; done; printf %s '${word}' |
      curl -sf --data-binary @- "http://127.0.0.1:$(cat ${folder}/port)/"`;
    const { stdout } = await run(['sh', '-c', client]);
    expect(stdout.toString()).toBe(word);
    expect(await ended).toEqual({ exitCode: 0 });
    const { connections, lost } = await capture.finish();
    expect(lost).toEqual([]);
    expect(connections).toHaveLength(1);
    expect(connections[0]).toMatchObject({ comm: 'python3', faults: [], peer: { library: 'plain', joined: false } });
    expect(connections[0]?.in.bytes).toBeGreaterThan(word.length);
  });
});

describe('who is seen', () => {
  it('nobody outside the tree', async () => {
    const peer = await plainPeer();
    const curl = (): string[] => ['curl', '-sf', '-o', '/dev/null', `http://127.0.0.1:${peer.port}/${canary()}/1000`];
    const capture = await captureTls(curl());
    const [program = '', ...words] = curl();
    const stranger = spawn(program, words);
    await Promise.all([capture.run(), once(stranger, 'close')]);
    const { connections } = await capture.finish();
    const served = mirrored(await peer.record());
    expect(served).toHaveLength(2);
    expect(connections).toHaveLength(1);
    expect(served).toContain(sides(connections)[0]);
    expect(connections[0]?.pid).not.toBe(stranger.pid);
  });

  it('nothing of what is no HTTP', async () => {
    const peer = await plainPeer();
    const capture = await captureTls(
      python(
        'import socket',
        `s = socket.create_connection(("127.0.0.1", ${peer.port}))`,
        `s.sendall(b"HELO ${canary()}\\r\\n")`,
        's.recv(1000)',
      ),
    );
    await capture.run();
    expect((await capture.finish()).connections).toEqual([]);
    await peer.record();
  });
});

it('what passes in another way leaves a gap of its length, and the rest is in its place', async () => {
  const file = join(folder, canary());
  writeFileSync(file, Buffer.alloc(30_000, 'f'));
  const peer = await plainPeer();
  const capture = await captureTls(
    python(
      'import socket',
      `s = socket.create_connection(("127.0.0.1", ${peer.port}))`,
      `s.sendall(b"PUT /${canary()}/10 HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 30004\\r\\n\\r\\n")`,
      `s.sendfile(open("${file}", "rb"))`,
      's.sendall(b"last")',
      'got = b""',
      'while len(got.partition(b"\\r\\n\\r\\n")[2]) < 10: got += s.recv(10000)',
    ),
  );
  expect(await capture.run()).toEqual({ exitCode: 0 });
  const { connections } = await capture.finish();
  const [served] = await peer.record();
  expect(served?.in.bytes).toBeGreaterThan(30_004);
  expect(connections).toHaveLength(1);
  const [one] = connections;
  expect((one?.out.bytes ?? 0) + 30_000).toBe(served?.in.bytes);
  const before = (served?.in.bytes ?? 0) - 30_004;
  expect(one?.faults).toEqual([`out: offset ${before + 30_000} after ${before} bytes`]);
  expect(one?.in).toEqual(served?.out);
});

it('a local model is heard: what it was asked, what it answered, and which tool it asked for', async () => {
  const script = SCRIPTS['ollama, streamed'] as Script;
  const server = standIn(script).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const asked = join(folder, canary());
  writeFileSync(asked, JSON.stringify(script.body));
  const url = `http://127.0.0.1:${port}${script.path}`;
  const json = ['-H', 'content-type: application/json', '--data-binary', `@${asked}`];
  const session = await monitored(['curl', '-sf', '-o', '/dev/null', ...json, url], { flags: ['--capture-tls'] });
  server.close();
  expect(session.code, session.stderr).toBe(0);
  const of = (type: string): Event[] => session.events.filter(({ event_type }) => event_type === type);
  expect(of('llm_request')).toMatchObject([{ llm_api: 'ollama', model: 'qwen3:8b', unencrypted: true }]);
  expect(of('llm_response')).toMatchObject([{ ...script.says.usage, stop_reason: 'stop', tool_calls: 1 }]);
  expect(of('tool_call')).toMatchObject([{ tool: 'shell', arguments: JSON.stringify(script.tool.args) }]);
  expect(of('tls_coverage')).toEqual([]);
});
