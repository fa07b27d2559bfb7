// An HTTPS server that answers with as many bytes as the path says. argv: certificate, key. Says its port; ends with stdin.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [cert, key] = process.argv.slice(2).map((path) => readFileSync(path));
const server = createServer({ cert, key, keepAliveTimeout: 60_000 }, (request, response) => {
  const bytes = Number(request.url.slice(1));
  request.resume().on('end', () => response.writeHead(200, { 'content-length': bytes }).end(Buffer.alloc(bytes, 'b')));
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.stdin.resume().on('end', () => process.exit(0));
