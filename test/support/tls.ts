// What TLS capture is judged by: a server with a record of its own, and the loader's plaintext put together again.
import { execFileSync, spawn } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Ending,
  findLoader,
  type Launched,
  type Loader,
  type Lost,
  launch,
  type Notice,
  startLoader,
  type TlsLibrary,
} from '../../src/bpf/index.js';
import { youngCollector } from '../../src/engine/v8.js';
import type { Peer } from '../../src/tls/chunk.js';

/** One direction of a connection: how many bytes, and which. */
export interface Side {
  bytes: number;
  sha256: string;
}

/** A connection as its server had it. */
export interface TlsServed {
  in: Side;
  out: Side;
  /** `out` after each of the first writes. */
  marks: Side[];
  /** The server name that was asked for. */
  name: string;
}

export interface TlsPeer {
  port: number;
  /** The certificate, its own authority. */
  cert: string;
  /** Ends the server; its record. */
  record(): Promise<TlsServed[]>;
}

/** Paths of a new certificate for localhost, its own authority, and of its key. */
export function certificate(folder: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...words, '-addext', names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { cert, key };
}

/** Paths of a new certificate for localhost, of its key, and of the authority's that signed it: rustls takes no other. */
export function signedCertificate(folder: string): { ca: string; cert: string; key: string } {
  const at = (name: string): string => join(folder, name);
  const openssl = (...words: string[]): void => void execFileSync('openssl', words, { stdio: 'ignore' });
  const fresh = ['-newkey', 'rsa:2048', '-nodes', '-subj'];
  openssl('req', '-x509', ...fresh, '/CN=authority', '-days', '2', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  openssl('req', ...fresh, '/CN=localhost', '-keyout', at('leaf.key'), '-out', at('leaf.csr'));
  writeFileSync(at('leaf.ext'), 'basicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('leaf.ext')];
  openssl('x509', '-req', '-in', at('leaf.csr'), ...by, '-days', '2', '-out', at('leaf.pem'));
  return { ca: at('ca.pem'), cert: at('leaf.pem'), key: at('leaf.key') };
}

/** A server for localhost in a process of its own. `folder`: where its certificate and key are made. */
export function tlsPeer(folder: string): Promise<TlsPeer> {
  const { cert, key } = certificate(folder);
  return peerOf([cert, key], cert);
}

/** The same without TLS. */
export const plainPeer = (): Promise<TlsPeer> => peerOf([], '');

async function peerOf(words: string[], cert: string): Promise<TlsPeer> {
  const program = fileURLToPath(new URL('tls-server.mjs', import.meta.url));
  const child = spawn(process.execPath, [program, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes));
  await once(child.stdout, 'data');
  const port = Number(said.splice(0).join(''));
  return {
    port,
    cert,
    record: async () => {
      child.stdin.end();
      await once(child, 'close');
      return JSON.parse(Buffer.concat(said).toString()) as TlsServed[];
    },
  };
}

interface Stream {
  bytes: number;
  hash: Hash;
  /** What the chunks' own offsets and rests say is missing or out of place. */
  faults: string[];
  /** Offset at which the call under way must end. */
  callEnd?: number;
}

/** A connection as it was captured. */
export interface Captured {
  pid: number;
  comm: string;
  in: Side;
  out: Side;
  peer: Peer | undefined;
  ended: number;
  faults: string[];
}

export interface Capture {
  loader: Loader;
  launched: Launched;
  /** Lets the command run. @returns how it ended */
  run(): Promise<Ending>;
  /** Ends the capture; what it has seen. */
  finish(): Promise<{ connections: Captured[]; libraries: TlsLibrary[]; lost: Lost[] }>;
}

/** Governs `command` with the loader alone, as the engine does, and collects the plaintext of its tree. */
export async function captureTls(command: string[], env: NodeJS.ProcessEnv = process.env): Promise<Capture> {
  const path = findLoader();
  const streams = new Map<string, { pid: number; comm: string; in: Stream; out: Stream; ended: number }>();
  const peers = new Map<string, Peer>();
  const libraries: TlsLibrary[] = [];
  const lost: Lost[] = [];
  const wasRead = youngCollector();
  const stream = (): Stream => ({ bytes: 0, hash: createHash('sha256'), faults: [] });
  const loader = await startLoader({
    path,
    agentId: 'test',
    onEvent: () => {},
    onNotice: (notice: Notice) => {
      if (notice.msg === 'tls_library') libraries.push(notice);
      if (notice.msg === 'lost') lost.push(notice);
    },
    tls: {
      chunk: ({ connection, pid, comm, direction, offset, bytes, more }) => {
        const entry = streams.get(connection) ?? { pid, comm, in: stream(), out: stream(), ended: 0 };
        streams.set(connection, entry);
        const to = entry[direction];
        if (offset !== to.bytes) to.faults.push(`${direction}: offset ${offset} after ${to.bytes} bytes`);
        const end = offset + bytes.length;
        // A chunk may hold the rest of a call and others behind it.
        if (to.callEnd !== undefined && end + more < to.callEnd) to.faults.push(`${direction}: a call became shorter`);
        if (more > 0) to.callEnd = end + more;
        else delete to.callEnd;
        to.bytes += bytes.length;
        to.hash.update(bytes);
        wasRead(bytes.length);
      },
      peer: (peer) => void peers.set(peer.connection, peer),
      end: ({ connection }) => {
        const entry = streams.get(connection);
        if (entry !== undefined) entry.ended += 1;
      },
    },
  });
  const launched = await launch({ path, command, env });
  await loader.govern([launched.pid]);
  return {
    loader,
    launched,
    run: async () => {
      const failed = await launched.go();
      if (failed !== undefined) throw new Error(`${command[0]} could not be executed (errno ${failed})`);
      return launched.ended;
    },
    finish: async () => {
      const outcome = await loader.quit();
      if (outcome.kind !== 'bye') throw new Error(`the loader ${outcome.how}`);
      const side = ({ bytes, hash }: Stream): Side => ({ bytes, sha256: hash.digest('hex') });
      const connections = [...streams].map(([connection, entry]) => ({
        pid: entry.pid,
        comm: entry.comm,
        in: side(entry.in),
        out: side(entry.out),
        peer: peers.get(connection),
        ended: entry.ended,
        faults: [...entry.in.faults, ...entry.out.faults],
      }));
      return { connections, libraries, lost };
    },
  };
}
