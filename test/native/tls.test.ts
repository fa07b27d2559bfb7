// Plaintext of TLS, byte for byte what the server's own record says, from real programs and the libraries they use.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { evidence } from '../evidence.js';
import { scaled } from '../scale.js';
import {
  bunProgram,
  canary,
  captureTls,
  exact as exactly,
  mirrored,
  monitored,
  openssl11,
  type Round,
  scratch,
  sides,
  startMonitor,
  tcpPeer,
  tlsPeer,
} from '../support/index.js';

const folder = scratch();

const newFolder = (): string => {
  const path = join(folder, canary());
  mkdirSync(path);
  return path;
};

const exact = (
  make: (port: number, cert: string) => string[] | string,
  options?: { fits?: number; mayLeave?: boolean },
): Promise<Round> => exactly(newFolder(), make, options);

const body = (bytes: number): string => {
  const file = join(folder, canary());
  writeFileSync(file, Buffer.alloc(bytes, canary()));
  return file;
};

const python = (...lines: string[]): string[] => ['python3', '-c', lines.join('\n')];
const node = (...lines: string[]): string[] => [process.execPath, '-e', lines.join('\n')];

describe('a real program, byte for byte', () => {
  it('curl, with a body and an answer', async () => {
    const { connections, served } = await exact((port, cert) => {
      const url = `https://localhost:${port}/${canary()}/200000`;
      return [
        'curl',
        '-sf',
        '--http1.1',
        '--cacert',
        cert,
        '--data-binary',
        `@${body(300_000)}`,
        '-o',
        '/dev/null',
        url,
      ];
    });
    expect(connections[0]?.peer).toMatchObject({ server_name: 'localhost', library: 'openssl', dest_ip: '127.0.0.1' });
    expect(served[0]?.in.bytes).toBeGreaterThan(300_000);
    expect(served[0]?.out.bytes).toBeGreaterThan(200_000);
  });

  it('python3 urllib, which only knows SSL_read_ex and SSL_write_ex', async () => {
    await exact((port) =>
      python(
        'import urllib.request',
        `r = urllib.request.urlopen("https://localhost:${port}/${canary()}/70000", data=b"${canary()}" * 9000)`,
        'assert len(r.read()) == 70000',
      ),
    );
  });

  it('python3 asyncio, whose library never sees a socket', async () => {
    await exact(
      (port, cert) =>
        python(
          'import asyncio, ssl',
          'async def one(n):',
          `    r, w = await asyncio.open_connection("localhost", ${port}, ssl=ssl.create_default_context(cafile="${cert}"))`,
          `    w.write(b"POST /${canary()}/%d HTTP/1.1\\r\\nhost: localhost\\r\\ncontent-length: 50000\\r\\nconnection: close\\r\\n\\r\\n" % n + b"x" * 50000)`,
          '    await w.drain()',
          '    assert (await r.read()).endswith(b"HTTP/1.1 200 OK"[:0])',
          '    w.close()',
          'async def all(): await asyncio.gather(*(one(n * 1000) for n in range(5)))',
          'asyncio.run(all())',
        ),
      { fits: 5 },
    );
  });

  it('node: https, fetch and http2', async () => {
    const { connections, libraries } = await exact(
      (port) =>
        node(
          "const https = require('node:https'), http2 = require('node:http2');",
          `const url = (n) => 'https://localhost:${port}/${canary()}/' + n;`,
          'const read = async (stream) => { let n = 0; for await (const bytes of stream) n += bytes.length; return n; };',
          'const must = (is, n) => { if (is !== n) process.exit(9); };',
          '(async () => {',
          "  must((await (await fetch(url(5000), { method: 'POST', body: 'f'.repeat(100000) })).arrayBuffer()).byteLength, 5000);",
          '  await new Promise((done) => {',
          "    const request = https.request(url(70000), { method: 'PUT', agent: new https.Agent() }, async (response) => { must(await read(response), 70000); done(); });",
          "    request.end('h'.repeat(40000));",
          '  });',
          `  const session = http2.connect('https://localhost:${port}');`,
          "  await Promise.all([1, 2, 3].map(async (n) => { const stream = session.request({ ':path': '/two/' + n * 30000, ':method': 'POST' }); stream.end('2'.repeat(n * 20000)); must(await read(stream), n * 30000); }));",
          '  await new Promise((done) => session.close(done));',
          '  process.exit(0);',
          '})();',
        ),
      { fits: 3, mayLeave: true },
    );
    expect(libraries).toEqual([`openssl ${realpathSync(process.execPath)}`]);
    expect(connections.map(({ peer }) => peer?.server_name)).toEqual(connections.map(() => 'localhost'));
  });

  it('openssl s_client', async () => {
    const asked = join(folder, canary());
    writeFileSync(asked, `GET /${canary()}/30000 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    await exact((port, cert) => {
      const flags = `-quiet -verify_quiet -CAfile ${cert} -connect localhost:${port}`;
      return `exec openssl s_client ${flags} < ${asked} > /dev/null`;
    });
  });

  it('git over https, whose library is GnuTLS', async () => {
    const { connections } = await exact((port) => {
      const url = `https://localhost:${port}/${canary()}/40000`;
      return `git -c http.sslVerify=false -c http.version=HTTP/1.1 ls-remote ${url} 2>/dev/null; code=$?; test $code = 128 || exit $code`;
    });
    expect(connections[0]?.peer).toMatchObject({ server_name: 'localhost', library: 'gnutls' });
  });
});

describe('where the library is', () => {
  // As a wheel brings its own: another file, with another name, loaded by a program that runs already.
  const own = (path: string, port: number): string[] =>
    python(
      'import ctypes, socket',
      `ssl = ctypes.CDLL("${path}")`,
      'for f in ("TLS_client_method", "SSL_CTX_new", "SSL_new"): getattr(ssl, f).restype = ctypes.c_void_p',
      'p = ctypes.c_void_p',
      'import time; time.sleep(0.5)',
      'ctx = ssl.SSL_CTX_new(p(ssl.TLS_client_method()))',
      `s = socket.create_connection(("127.0.0.1", ${port}))`,
      'c = p(ssl.SSL_new(p(ctx)))',
      'ssl.SSL_set_fd(c, s.fileno())',
      'assert ssl.SSL_connect(c) == 1',
      `q = b"GET /${canary()}/5 HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n"`,
      'assert ssl.SSL_write(c, q, len(q)) == len(q)',
      'b = ctypes.create_string_buffer(4096)',
      'assert ssl.SSL_peek(c, b, 4096) > 0', // seen again by the read: told once
      'got = b""',
      'while len(got.partition(b"\\r\\n\\r\\n")[2]) < 5:',
      '    n = ssl.SSL_read(c, b, 4096)',
      '    assert n > 0',
      '    got += b.raw[:n]',
      'n = ctypes.c_size_t()',
      'assert ssl.SSL_write_ex(c, q, ctypes.c_size_t(len(q)), ctypes.byref(n)) == 1 and n.value == len(q)',
      'got = b""',
      'while len(got.partition(b"\\r\\n\\r\\n")[2]) < 5:',
      '    assert ssl.SSL_read_ex(c, b, ctypes.c_size_t(4096), ctypes.byref(n)) == 1',
      '    got += b.raw[:n.value]',
      'ssl.SSL_free(c)',
    );
  const system = '/usr/lib/x86_64-linux-gnu/libssl.so.3';

  it('a second copy, loaded after the start', async () => {
    const copy = join(newFolder(), 'libssl-81ffa89e.so.3');
    copyFileSync(system, copy);
    const { libraries } = await exact((port) => own(copy, port));
    expect(libraries).toContain(`openssl ${copy}`);
  });

  it.skipIf(process.arch !== 'x64')('OpenSSL 1.1.1, which the system does not have', { timeout: 120_000 }, async () => {
    const old = await openssl11();
    const { connections, libraries } = await exact((port) => {
      const [program, ...words] = own('libssl.so.1.1', port);
      return ['env', `LD_LIBRARY_PATH=${old}`, program ?? '', ...words];
    });
    expect(libraries).toContain(`openssl ${old}/libssl.so.1.1`);
    expect(connections).toHaveLength(1);
  });

  it('a library that only another mount namespace has', async () => {
    const place = newFolder();
    const { libraries } = await exact((port) => {
      const [program, ...words] = own(`${place}/hidden.so`, port);
      writeFileSync(join(folder, 'hidden.py'), words[1] ?? '');
      return `unshare -m sh -c 'mount -t tmpfs none ${place} && cp ${system} ${place}/hidden.so && exec ${program} ${folder}/hidden.py'`;
    });
    expect(libraries.some((line) => line.startsWith('openssl') && line.includes('hidden.so'))).toBe(true);
  });

  it.skipIf(process.arch !== 'x64')('an agent that replaces its own program and starts it again, twice', async () => {
    const place = newFolder();
    const [agent, client] = [join(place, 'agent'), join(place, 'client.js')];
    copyFileSync(process.execPath, agent);
    const { libraries } = await exact(
      (port) => {
        writeFileSync(
          client,
          `setTimeout(async () => {
            const options = { method: 'POST', body: '${canary()}'.repeat(1000), tls: { rejectUnauthorized: false } };
            const response = await fetch('https://localhost:${port}/${canary()}/3000', options);
            process.exit((await response.arrayBuffer()).byteLength === 3000 ? 0 : 9);
          }, 1000);`,
        );
        const bun = bunProgram('1.4.5');
        return [
          `${agent} ${client}`,
          `cp ${bun} ${agent}.new && mv ${agent}.new ${agent} && ${agent} ${client}`, // another file of the same name
          `cat ${process.execPath} > ${agent} && exec ${agent} ${client}`, // the same file, another content
        ].join(' && ');
      },
      { fits: 3, mayLeave: true },
    );
    expect(libraries.sort()).toEqual([`boringssl ${agent}`, `openssl ${agent}`]);
  });

  it('a child that is forked with everything loaded and runs no other program', async () => {
    await exact(
      (port, cert) =>
        python(
          'import os, ssl, time, urllib.request',
          `ctx = ssl.create_default_context(cafile="${cert}")`,
          'for n in range(3):',
          '    pid = os.fork()',
          '    if pid == 0:',
          '        time.sleep(0.5)',
          `        urllib.request.urlopen("https://localhost:${port}/${canary()}/%d" % (n * 1000), data=b"${canary()}", context=ctx).read()`,
          '        os._exit(0)',
          '    assert os.waitpid(pid, 0)[1] == 0',
        ),
      { fits: 3 },
    );
  });
});

/** A program that has a connection, and asks for another word over it for each line that it is given. */
function asking(port: number): { child: ChildProcessWithoutNullStreams; answer: () => Promise<unknown> } {
  const child = spawn('python3', [
    '-u',
    '-c',
    `import http.client, ssl, sys
c = http.client.HTTPSConnection("localhost", ${port}, context=ssl._create_unverified_context())
line = " "
while line:
    c.request("GET", "/" + line.strip() + "/10")
    print(len(c.getresponse().read()))
    line = sys.stdin.readline()`,
  ]);
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, answer: () => once(child.stdout, 'data') };
}

describe('who is seen', () => {
  it('nobody outside the tree, with the same library at the same time', async () => {
    const peer = await tlsPeer(newFolder());
    const curl = (times: number): string[] => {
      const one = (): string[] => ['-o', '/dev/null', `https://localhost:${peer.port}/${canary()}/1000`];
      const flags = ['-sfk', '--http1.1', '-H', 'connection: close'];
      return ['curl', ...flags, ...Array.from({ length: times }, one).flat()];
    };
    const capture = await captureTls(curl(3));
    const [program = '', ...words] = curl(5);
    const stranger = spawn(program, words);
    await Promise.all([capture.run(), new Promise((done) => stranger.once('close', done))]);
    const { connections } = await capture.finish();
    const served = mirrored(await peer.record());
    expect(served).toHaveLength(8);
    expect(connections).toHaveLength(3);
    expect(sides(connections).every((side) => served.includes(side))).toBe(true);
    const pids = new Set(connections.map(({ pid }) => pid));
    expect(pids.has(stranger.pid ?? 0)).toBe(false);
  });

  it('a connection that is there when governing begins is told from its middle, and says so', async () => {
    const peer = await tlsPeer(newFolder());
    const { child, answer } = asking(peer.port);
    await answer();
    const capture = await captureTls(['true']);
    capture.launched.cancel();
    await capture.loader.govern([child.pid ?? 0]);
    const word = canary();
    child.stdin.write(`${word}\n`);
    await answer();
    child.stdin.end();
    await new Promise((done) => child.once('close', done));
    const { connections } = await capture.finish();
    expect(connections).toHaveLength(1);
    const [one] = connections;
    expect(one?.peer).toMatchObject({ joined: true });
    expect(one?.faults).toEqual([]);
    const [served] = await peer.record();
    const asked = Buffer.byteLength(
      `GET /${word}/10 HTTP/1.1\r\nHost: localhost:${peer.port}\r\nAccept-Encoding: identity\r\n\r\n`,
    );
    expect(one?.out.bytes).toBe(asked);
    expect((served?.in.bytes ?? 0) - asked).toBe(asked - word.length); // the first request was for no word
  });
});

describe('64 connections, bodies from 1 byte to 8 MB, 1 GB in all', () => {
  const program = fileURLToPath(new URL('programs/curl-load.py', import.meta.url));
  const total = scaled(1024) * 2 ** 20;
  const byNode = (port: number): string[] =>
    node(
      "const https = require('node:https');",
      'const agent = new https.Agent({ keepAlive: true, maxSockets: 64 });',
      `let left = ${total / 2}, n = 0;`,
      'const one = () => new Promise((done, fail) => {',
      '  const size = Math.max(1, Math.min(left, Math.floor(2 ** ((n++ * 7919 % 231) / 10))));',
      '  left -= size;',
      `  const request = https.request({ host: 'localhost', port: ${port}, path: '/${canary()}/' + size, method: 'POST', agent }, (response) => { response.resume(); response.on('end', done); });`,
      "  request.on('error', fail);",
      "  request.end(Buffer.alloc(size, 'b'));",
      '});',
      'const worker = async () => { while (left > 0) await one(); };',
      'Promise.all(Array.from({ length: 64 }, worker)).then(() => agent.destroy());',
    );
  const byCurl =
    (library: string) =>
    (port: number): string[] => ['python3', program, library, String(port), String(total), '64'];

  it.each([
    ['node', byNode, 'openssl'],
    ['openssl', byCurl('libcurl.so.4'), 'openssl'],
    ['gnutls', byCurl('libcurl-gnutls.so.4'), 'gnutls'],
  ] as const)('%s', { timeout: 280_000 }, async (name, client, library) => {
    const began = process.cpuUsage();
    const { connections, served } = await exact(client, { fits: 64 });
    const bytes = served.reduce((sum, one) => sum + one.in.bytes + one.out.bytes, 0);
    expect(bytes).toBeGreaterThan(total);
    expect(new Set(connections.map(({ peer }) => peer?.library))).toEqual(new Set([library]));
    const { user, system } = process.cpuUsage(began);
    const cpu = Math.round((user + system) / 1000);
    evidence('tls-bytes', { [name]: { connections: served.length, bytes, lost_bytes: 0, reader_cpu_ms: cpu } });
  });
});

describe('tls_coverage', () => {
  const covered = async (command: string[], code = 0) => {
    const flags = ['--capture-tls', '--fail-on', 'blind'];
    const session = await monitored(command, { flags, agentId: canary() });
    expect(session.code, session.stderr).toBe(code);
    return session.events.filter(({ event_type }) => event_type === 'tls_coverage');
  };

  it('says of a process that is read what it sent and received, and through which file', async () => {
    const peer = await tlsPeer(newFolder());
    const url = `https://localhost:${peer.port}/${canary()}/5000`;
    const sent = ['--data-binary', `@${body(70_000)}`];
    const events = await covered(['curl', '-sfk', '--http1.1', ...sent, '-o', '/dev/null', url]);
    const [served] = await peer.record();
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      coverage: 'read',
      comm: 'curl',
      plaintext_in: served?.out.bytes,
      plaintext_out: served?.in.bytes,
      tls_connections: 1,
    });
    expect(events[0]?.tls_libraries).toContain('openssl');
    expect(Number(events[0]?.ciphertext_out)).toBeGreaterThan(Number(served?.in.bytes));
  });

  it('says of a process that was read from the middle of its connection that something is missing', async () => {
    const peer = await tlsPeer(newFolder());
    const { child, answer } = asking(peer.port);
    await answer();
    const monitor = startMonitor(['--pid', String(child.pid)], { flags: ['--capture-tls'] });
    await monitor.seen(({ event_type }) => event_type === 'session_start');
    child.stdin.write(`${canary()}\n`);
    await answer();
    child.stdin.end();
    const { events } = await monitor.finish();
    const covered = events.filter(({ event_type }) => event_type === 'tls_coverage');
    expect(covered).toMatchObject([{ coverage: 'partial', tls_joined: 1 }]);
  });

  it('says so at any port, when the connection begins as TLS does', async () => {
    const peer = await tcpPeer('127.0.0.43', 60_000);
    const hello = `exec 3<>/dev/tcp/127.0.0.43/${peer.port}; printf '\\026\\003\\001\\002' >&3; cat <&3 >/dev/null`;
    const events = await covered(['bash', '-c', hello], 1);
    expect(events).toMatchObject([{ coverage: 'blind', comm: 'bash', tls_connections: 1, ciphertext_in: 60_000 }]);
  });

  it('says of a process whose library is not read that it is blind, which --fail-on can make a failure', async () => {
    const peer = await tcpPeer('127.0.0.43', 60_000, 8443);
    const reading = `exec 3<>/dev/tcp/127.0.0.43/${peer.port}; cat <&3 >/dev/null`;
    const events = await covered(['bash', '-c', reading], 1);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ coverage: 'blind', plaintext_in: 0, ciphertext_in: 60_000 });
    expect(events[0]?.reason).toMatch(/no TLS library/);
  });
});
