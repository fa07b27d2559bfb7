// Plaintext of Go programs, byte for byte what the server's own record says: Go keeps a table of its functions in every
// program, moves goroutines between threads and their stacks in memory, and a probe in a wrong place would break it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { whyBlind } from '../../src/tls-coverage/index.js';
import { evidence } from '../evidence.js';
import { isFull, scaled } from '../scale.js';
import {
  canary,
  captureTls,
  exact,
  type GoBuild,
  goBuilds,
  goClient,
  monitored,
  scratch,
  tlsPeer,
} from '../support/index.js';

/** As Debian has them; 1.24 is its stable release's, which stays. */
const USUAL = '1.24';
const VERSIONS = ['1.19', '1.21', '1.22', '1.23', '1.24', '1.25', '1.26', '1.27'];
const OLD = '1.15';
const HOWS = ['h1', 'h2', 'raw'] as const;

const folder = scratch();
const newFolder = (): string => {
  const path = join(folder, canary());
  mkdirSync(path);
  return path;
};

/** A toolchain comes from afar, and builds its own library first. */
const BUILDING_MS = 600_000;
beforeAll(() => void (process.arch === 'x64' && goClient(USUAL)), BUILDING_MS);

interface Load {
  version?: string;
  build?: GoBuild;
  how?: (typeof HOWS)[number];
  connections?: number;
  rounds?: number;
  most?: number;
}

const client = (port: number, { version, build, how, connections, rounds, most }: Load): string[] => [
  goClient(version ?? USUAL, build),
  how ?? 'h1',
  String(port),
  canary(),
  ...[connections ?? 3, rounds ?? 1, most ?? 200_000].map(String),
];

/** The client alone, held to the server's record. */
const held = async (load: Load) => {
  const round = await exact(newFolder(), (port) => client(port, load), { fits: load.connections ?? 3 });
  expect(round.libraries).toEqual([`go ${goClient(load.version ?? USUAL, load.build)}`]);
  for (const { peer } of round.connections) expect(peer).toMatchObject({ library: 'go', server_name: 'localhost' });
  return round;
};

/** A copy of the program with other names in its table of functions: they are for traces, so it runs as before. */
const renamed = (from: string, to: string): string => {
  const path = join(newFolder(), 'agent');
  const bytes = readFileSync(goClient(USUAL)).toString('latin1');
  writeFileSync(path, Buffer.from(bytes.replaceAll(from, to), 'latin1'), { mode: 0o755 });
  return path;
};

describe.skipIf(process.arch !== 'x64')('Go', () => {
  for (const version of isFull ? VERSIONS : [USUAL])
    for (const build of isFull ? goBuilds : (['stripped'] as const))
      it(
        `${version}, ${build}: HTTP/1.1, HTTP/2, and buffers on a stack that moves`,
        async () => {
          for (const how of HOWS) await held({ version, build, how });
        },
        BUILDING_MS,
      );

  it('64 connections at once, bodies from 1 byte to 8 MB', async () => {
    const { connections } = await held({ connections: scaled(64), most: 8_000_000 });
    const bytes = connections.reduce((sum, { in: { bytes: read }, out: { bytes: sent } }) => sum + read + sent, 0);
    evidence('go-tls', { version: USUAL, connections: connections.length, bytes, lost: 0 });
    expect(bytes).toBeGreaterThan(connections.length * 16_000_000);
  });

  it('goes on when probes come and go while it works', async () => {
    const peer = await tlsPeer(newFolder());
    const [program = '', ...words] = client(peer.port, { how: 'h1', connections: 8, rounds: 0, most: 1000 });
    const agent = spawn(program, words, { env: { ...process.env, SSL_CERT_FILE: peer.cert } });
    onTestFinished(() => void agent.kill('SIGKILL'));
    const said: Buffer[] = [];
    agent.stderr.on('data', (bytes: Buffer) => said.push(bytes));
    const ended = once(agent, 'close');
    let seen = 0;
    for (let round = 0; round < scaled(30); round++) {
      const capture = await captureTls(['true']);
      capture.launched.cancel();
      await capture.loader.govern([agent.pid ?? 0]);
      await new Promise((done) => setTimeout(done, 300));
      const { connections } = await capture.finish();
      for (const { peer: of, faults } of connections) {
        expect(of).toMatchObject({ library: 'go', joined: true, dest_port: peer.port });
        expect(faults).toEqual([]);
      }
      seen += connections.length;
    }
    agent.stdin.end();
    expect(await ended, Buffer.concat(said).toString()).toEqual([0, null]);
    expect(seen).toBeGreaterThan(scaled(30));
    const served = await peer.record();
    expect(served).toHaveLength(8);
    const requests = served.reduce((sum, one) => sum + one.in.bytes, 0) / 500;
    expect(requests).toBeGreaterThan(scaled(3000));
  });
});

describe.skipIf(process.arch !== 'x64')('a Go program that cannot be read', () => {
  /** What is said of the library of a program, which works as ever and is not read. */
  const unread = async (program: string) => {
    const peer = await tlsPeer(newFolder());
    const [, ...words] = client(peer.port, { connections: 1, most: 1000 });
    const capture = await captureTls([program, ...words], { ...process.env, SSL_CERT_FILE: peer.cert });
    expect(await capture.run()).toEqual({ exitCode: 0 });
    const { connections, libraries } = await capture.finish();
    expect(await peer.record()).toHaveLength(1);
    expect(connections).toEqual([]);
    return libraries.map(({ library, error }) => `${library}: ${error}`);
  };

  it('for one of its functions is not there', async () => {
    const told = await unread(renamed('crypto/tls.(*Conn).Write\0', 'crypto/tls.(*Conn).Wrote\0'));
    expect(new Set(told)).toEqual(new Set(['go: the functions of its crypto/tls cannot be told for certain']));
  });

  it('for its names were changed', async () => {
    const program = renamed('crypto/tls.', 'kkkkkk/kkk.');
    expect(await unread(program)).toEqual([]);
    expect(whyBlind(0, program)).toMatch(/Go program without crypto\/tls, or with other names/);
  });

  it.runIf(isFull)('for it is too old', async () => {
    const told = await unread(goClient(OLD));
    expect(new Set(told)).toEqual(new Set(['go: built by a version of Go before 1.18']));
  });
});

describe.skipIf(process.arch !== 'x64')('tls_coverage', () => {
  /** What is said of a program that makes one connection. */
  const covered = async (program: string) => {
    const peer = await tlsPeer(newFolder());
    const [, ...words] = client(peer.port, { connections: 1, most: 100_000 });
    const session = await monitored([program, ...words], {
      flags: ['--capture-tls'],
      agentId: canary(),
      env: { SSL_CERT_FILE: peer.cert },
    });
    expect(session.code, session.stderr).toBe(0);
    const [served] = await peer.record();
    expect(served?.in.bytes).toBeGreaterThan(100_000);
    return { served, events: session.events.filter(({ event_type }) => event_type === 'tls_coverage') };
  };

  it('says how it was found, and that all was read', async () => {
    const program = goClient(USUAL);
    const { served, events } = await covered(program);
    expect(events).toMatchObject([
      {
        coverage: 'read',
        tls_libraries: ['go'],
        library_paths: [program],
        libraries_found_by: ['pclntab'],
        plaintext_in: served?.out.bytes,
        plaintext_out: served?.in.bytes,
      },
    ]);
  });
});
