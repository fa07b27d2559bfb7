// What both stand-ins share: a TLS server on loopback that keeps a record of its own, so that what agentgov says can be
// compared with what the other end saw.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import https from 'node:https';

const MAX_BODY = 4 * 1024 * 1024;

/**
 * Serves until standard input closes, so that a stand-in never outlives who started it. Settings come by environment:
 * STANDIN_CERT, STANDIN_KEY (PEM files), STANDIN_RECORD (JSONL file to write), STANDIN_API_KEY. The first line on standard
 * output is `{"address": …, "port": …}`.
 * @param {string[]} addresses the first that can be bound is taken
 * @param {(request: {path: string, body: object}, response, record: (entry: object) => void) => void} handle
 * @param {(headers: object) => string | undefined} keyOf where this API expects the key
 */
export async function serve({ addresses, handle, keyOf }) {
  const { STANDIN_CERT, STANDIN_KEY, STANDIN_RECORD, STANDIN_API_KEY } = process.env;
  const file = openSync(STANDIN_RECORD, 'ax', 0o600);
  const record = (entry) => writeSync(file, `${JSON.stringify(entry)}\n`);

  const server = https.createServer({ cert: readFileSync(STANDIN_CERT), key: readFileSync(STANDIN_KEY) });
  // 'connection' is the TCP connection, before any TLS: the same thing that the kernel sees as a connect.
  server.on('connection', (socket) => record({ kind: 'connection', remotePort: socket.remotePort }));
  server.on('request', async (request, response) => {
    if (keyOf(request.headers) !== STANDIN_API_KEY) return answer(response, 401, { error: 'unknown API key' });
    try {
      await handle({ path: request.url, body: await readJson(request) }, response, record);
    } catch (error) {
      answer(response, 400, { error: error.message });
    }
  });

  const { address, port } = await listen(server, addresses);
  process.stdout.write(`${JSON.stringify({ address, port })}\n`);
  process.stdin.resume();
  process.stdin.on('end', () => {
    server.closeAllConnections();
    server.close(() => closeSync(file));
  });
}

export function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function readJson(request) {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY) throw new Error('the body is too large');
  }
  return JSON.parse(text);
}

async function listen(server, addresses) {
  for (const [index, address] of addresses.entries()) {
    try {
      return await new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, address, () => resolve(server.address()));
      });
    } catch (error) {
      // Some containers have 127.0.0.1 only instead of the whole of 127.0.0.0/8.
      if (error.code !== 'EADDRNOTAVAIL' || index === addresses.length - 1) throw error;
    }
  }
}
