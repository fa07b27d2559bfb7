// A command under TLS capture, held byte for byte to the record of the server that it talks to.
import { expect } from 'vitest';
import { type Capture, type Captured, captureTls, plainPeer, type TlsPeer, type TlsServed, tlsPeer } from './tls.js';

/** What was sent and received, in an order that both records have. */
export const sides = (all: { in: unknown; out: unknown }[]): string[] =>
  all.map((one) => JSON.stringify([one.in, one.out])).sort();

/** The server's record as its clients must have had it. */
export const mirrored = (served: TlsServed[]): string[] => sides(served.map((one) => ({ in: one.out, out: one.in })));

/** What a client had read when it left: all that the server wrote by some moment, if not all. */
function asRead(one: TlsServed, connections: Captured[]): TlsServed {
  const read = connections.find(({ out }) => out.sha256 === one.in.sha256)?.in.bytes;
  return { ...one, out: one.marks.find(({ bytes }) => bytes === read) ?? one.out };
}

export interface Round {
  capture: Capture;
  connections: Captured[];
  served: TlsServed[];
  libraries: string[];
}

type Make = (port: number, cert: string) => string[] | string;

interface Fits {
  /** How many connections there are at least. */
  fits?: number;
  /** The client may go before it has read all. */
  mayLeave?: boolean;
}

/**
 * Runs what `make` gives under capture and holds what was captured to the server's record. `folder`: an empty one, for its
 * certificate.
 */
export async function exact(folder: string, make: Make, options?: Fits): Promise<Round> {
  return held(await tlsPeer(folder), make, options);
}

/** The same of plain HTTP. */
export async function exactPlain(make: Make, options?: Fits): Promise<Round> {
  return held(await plainPeer(), make, options);
}

async function held(peer: TlsPeer, make: Make, { fits = 1, mayLeave = false }: Fits = {}): Promise<Round> {
  const made = make(peer.port, peer.cert);
  const command = typeof made === 'string' ? ['sh', '-c', made] : made;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: peer.cert, SSL_CERT_FILE: peer.cert };
  const capture = await captureTls(command, env);
  const ending = await capture.run();
  const { connections, libraries, lost } = await capture.finish();
  const served = await peer.record();
  expect(ending).toEqual({ exitCode: 0 });
  expect(lost).toEqual([]);
  expect(connections.flatMap(({ faults }) => faults)).toEqual([]);
  expect(served.length).toBeGreaterThanOrEqual(fits);
  expect(sides(connections)).toEqual(mirrored(mayLeave ? served.map((one) => asRead(one, connections)) : served));
  expect(connections.map(({ ended }) => ended)).toEqual(connections.map(() => 1));
  for (const { peer: of } of connections) expect(of).toMatchObject({ joined: false, dest_port: peer.port });
  // Told again after an exec.
  const told = new Set(libraries.map(({ library, path }) => `${library} ${path}`));
  return { capture, connections, served, libraries: [...told] };
}
