// Plaintext of programs that have BoringSSL inside and no symbols: Bun, byte for byte what the server's own record says.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isFull } from '../scale.js';
import {
  bunProgram,
  type Captured,
  canary,
  captureTls,
  exact,
  monitored,
  program,
  scratch,
  tlsPeer,
} from '../support/index.js';

/** What is built in other ways: before 1.1.45 to be mapped anywhere, before 1.4 with another linker's habits. */
const VERSIONS = ['1.4.5', '1.3.14', '1.2.23', '1.1.45', '1.0.36'];
const [NEWEST = ''] = VERSIONS;

const folder = scratch();
const newFolder = (): string => {
  const path = join(folder, canary());
  mkdirSync(path);
  return path;
};

const ready = `
  import http2 from 'node:http2';
  import https from 'node:https';
  import { connect } from 'node:tls';
  const tls = { rejectUnauthorized: false };
  await new Promise((done) => setTimeout(done, Number(process.argv[2] ?? 0)));
  if (process.argv[2]) process.exit(0);
  const must = (is, n) => { if (is !== n) { console.error(is, n); process.exit(9); } };
`;

/** A program that sends bodies of many sizes, and wants as many bytes back, through each way that Bun has. */
const talk = (port: number): string => `
  ${ready}
  const sizes = [1, 100, 16383, 16384, 16385, 70000, 1000000, 4000000];
  const url = (n) => 'https://localhost:${port}/${canary()}/' + n;
  const post = async (n) => {
    const response = await fetch(url(n), { method: 'POST', body: '${canary().slice(0, 10)}'.repeat(n / 10 + 1), tls });
    must((await response.arrayBuffer()).byteLength, n);
  };
  for (const n of sizes) await post(n);
  await Promise.all([3, 30000, 300000].map(post));
  for (const n of sizes) {
    await new Promise((done, fail) => {
      const request = https.request(url(n), { method: 'PUT', ...tls }, async (response) => {
        let read = 0;
        for await (const bytes of response) read += bytes.length;
        must(read, n);
        done();
      });
      request.on('error', fail);
      request.end('h'.repeat(n));
    });
  }
  const session = http2.connect('https://localhost:${port}', tls);
  const stream = (n) => new Promise((done) => {
    const both = session.request({ ':path': '/${canary()}/' + n, ':method': 'POST' });
    let read = 0;
    both.on('data', (bytes) => { read += bytes.length; });
    both.on('end', () => { must(read, n); done(); });
    both.end('2'.repeat(n));
  });
  await Promise.all([30000, 60000, 90000].map(stream));
  await new Promise((done) => session.close(done));
  await new Promise((done) => {
    const socket = connect({ host: 'localhost', port: ${port}, ...tls, ALPNProtocols: ['http/1.1'] }, () => {
      socket.write('GET /${canary()}/70000 HTTP/1.1\\r\\nhost: localhost\\r\\nconnection: close\\r\\n\\r\\n');
    });
    socket.resume();
    socket.on('close', done);
  });
  process.exit(0);
`;

const script = (text: string): string => {
  const path = join(newFolder(), 'client.js');
  writeFileSync(path, text);
  return path;
};

const bytesOut = (connections: Captured[]): number => connections.reduce((sum, one) => sum + one.out.bytes, 0);

describe.skipIf(process.arch !== 'x64')('Bun', () => {
  for (const version of isFull ? VERSIONS : [NEWEST])
    it(`${version}: fetch, node:https, http2 and tls, bodies from 1 byte to 4 MB`, async () => {
      const bun = bunProgram(version);
      const { connections, libraries, served } = await exact(newFolder(), (port) => [bun, script(talk(port))], {
        mayLeave: true,
      });
      expect(libraries).toEqual([`boringssl ${bun}`]);
      expect(connections.map(({ peer }) => peer?.server_name)).toEqual(served.map(({ name }) => name));
      expect(bytesOut(connections)).toBeGreaterThan(10_000_000);
    });

  it('a program that was built with it, started by a shell', async () => {
    const built = join(newFolder(), 'agent');
    const { connections } = await exact(
      newFolder(),
      (port) => {
        const words = ['build', '--compile', script(talk(port)), '--outfile', built];
        execFileSync(bunProgram(NEWEST), words, { stdio: 'ignore', cwd: newFolder() });
        // A program that nobody has seen is searched while it runs already.
        return `${built} 500; exec ${built}`;
      },
      { mayLeave: true },
    );
    expect(bytesOut(connections)).toBeGreaterThan(10_000_000);
  });

  it('tls_coverage says how it was found', async () => {
    const peer = await tlsPeer(newFolder());
    const url = `https://localhost:${peer.port}/${canary()}/5000`;
    const client = script(`${ready} must((await (await fetch('${url}', { tls })).arrayBuffer()).byteLength, 5000);`);
    const bun = bunProgram(NEWEST);
    const session = await monitored([bun, client], { flags: ['--capture-tls'], agentId: canary() });
    expect(session.code, session.stderr).toBe(0);
    const [served] = await peer.record();
    const covered = session.events.filter(({ event_type }) => event_type === 'tls_coverage');
    expect(covered).toMatchObject([
      {
        coverage: 'read',
        tls_libraries: ['boringssl'],
        library_paths: [bun],
        libraries_found_by: ['errors'],
        plaintext_in: served?.out.bytes,
        plaintext_out: served?.in.bytes,
      },
    ]);
  });
});

describe.skipIf(process.arch !== 'x64')('functions that were found without a name', () => {
  /** What a program is seen to send, that has what BoringSSL is known by and encrypts nothing. */
  const seen = async (how: 'honest' | 'lies') => {
    const stripped = join(newFolder(), 'agent');
    execFileSync('strip', ['-o', stripped, program('boringssl')]);
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.once('data', () => socket.write('answer'));
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const word = canary().repeat(10);
    const capture = await captureTls([stripped, String(port), word, how]);
    expect(await capture.run()).toEqual({ exitCode: 0 });
    return { word, ...(await capture.finish()) };
  };

  it('are believed when what leaves is what encryption makes of what they write', async () => {
    const { word, connections, libraries } = await seen('honest');
    expect(connections).toMatchObject([
      { out: { bytes: word.length }, in: { bytes: 'answer'.length }, peer: { server_name: 'fake.example' }, ended: 1 },
    ]);
    expect(libraries.every(({ library, found, error }) => `${library} ${found} ${error}` === 'boringssl errors ')).toBe(
      true,
    );
  });

  it('are let go, with nothing of theirs told, when it is not', async () => {
    const { connections, libraries } = await seen('lies');
    expect(connections).toEqual([]);
    expect(libraries.at(-1)).toMatchObject({
      library: 'boringssl',
      error: expect.stringContaining('leaves its sockets'),
    });
  });
});
