// A TLS server (or, without arguments, one of plain TCP) that keeps a record of its own: bytes and SHA-256 of the plaintext of each connection, both directions.
// It answers a request with as many bytes as the path's number says. Program of its own, so that a test that is busy
// reading what was captured does not hold it up. argv: certificate, key; ends when stdin does, with the record on stdout.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as http } from 'node:http';
import { createServer as http2 } from 'node:http2';
import { createServer as tcp } from 'node:net';
import { Duplex } from 'node:stream';
import { createServer as tls } from 'node:tls';

const [cert, key] = process.argv.slice(2).map((path) => readFileSync(path));
const record = [];
const side = () => ({ bytes: 0, hash: createHash('sha256') });
const note = (to, bytes) => {
  to.bytes += bytes.length;
  to.hash.update(bytes);
};

function answer(request, response) {
  const wanted = Number(/\/(\d+)(?:[/?]|$)/.exec(request.url)?.[1] ?? 0);
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-length': wanted });
    response.end(Buffer.alloc(wanted, request.url));
  });
}

const servers = { 'http/1.1': http({ keepAliveTimeout: 60_000 }, answer), h2: http2(answer) };
const options = { cert, key, ALPNProtocols: ['h2', 'http/1.1'] };
const server = cert === undefined ? tcp(serve) : tls(options, serve);

function serve(socket) {
  socket.setNoDelay(true);
  const entry = { in: side(), out: side(), marks: [], name: socket.servername || '' };
  record.push(entry);
  const inner = new Duplex({
    read: () => socket.resume(),
    write(bytes, _encoding, done) {
      note(entry.out, bytes);
      if (entry.marks.length < 200) entry.marks.push({ bytes: entry.out.bytes, hash: entry.out.hash.copy() });
      socket.write(bytes, done);
    },
    final(done) {
      socket.end(done);
    },
  });
  socket.on('data', (bytes) => {
    note(entry.in, bytes);
    if (!inner.push(bytes)) socket.pause();
  });
  socket.on('end', () => inner.push(null));
  socket.on('error', () => inner.destroy());
  inner.on('error', () => {});
  servers[socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1'].emit('connection', inner);
}
server.on('tlsClientError', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on('end', () => {
  const told = ({ bytes, hash }) => ({ bytes, sha256: hash.digest('hex') });
  const all = record.map((entry) => ({
    in: told(entry.in),
    out: told(entry.out),
    marks: entry.marks.map(told),
    name: entry.name,
  }));
  process.stdout.write(JSON.stringify(all), () => process.exit(0));
});
