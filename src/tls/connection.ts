import type { Chunk, Peer } from './chunk.js';
import { HttpExchange } from './exchange.js';
import { looksLikeFrames, PREFACE } from './http/h2-frames.js';
import { beginsHttp1, Http1 } from './http/http1.js';
import { Http2 } from './http/http2.js';
import { type Exchange, type Headers, ROLES, type Role, type WireHost, type WireReader } from './http/message.js';
import { WebSocketReader } from './http/websocket.js';
import { Order } from './order.js';
import { Budget } from './pile.js';
import { type Origin, originOf, type Reporter } from './report.js';

/** What one connection may keep at once. */
const BUDGET = 24 << 20;
/** Enough to tell every protocol by; and what may wait until one side has said so much. */
const TELLING = PREFACE.length;
const UNTOLD_MAX = 64 * 1024;
const UNTOLD_PARTS = 1024;

type Direction = Chunk['direction'];
const DIRECTIONS = ['in', 'out'] as const;
const other = (direction: Direction): Direction => (direction === 'in' ? 'out' : 'in');

/** Told once for each reason and direction: a hostile stream has a thousand. */
const GAPS_MAX = 64;

/** The bytes of one connection: which protocol they are, and whom they are given to. */
export class Connection {
  readonly #budget: Budget;
  readonly #order = new Order({
    bytes: (chunk, bytes, isCall) => this.#onBytes(chunk, bytes, isCall),
    gap: (chunk, length) => this.#onGap(chunk, length),
  });
  /** What has come before the protocol is known. */
  #untold: { direction: Direction; origin: Origin; bytes: Buffer; isCall: boolean }[] = [];
  #untoldBytes: Record<Direction, number> = { in: 0, out: 0 };
  /** Bytes that were passed over until a message began, in the middle of a connection. */
  readonly #passed: Record<Direction, number> = { in: 0, out: 0 };
  #reader: WireReader | undefined;
  /** Who speaks in this direction. */
  #roles: Record<Direction, Role> = { out: 'client', in: 'server' };
  /** It was seen from the first byte, and nothing is missing. */
  #isWhole: boolean;
  #gaps = 0;

  constructor(readonly reporter: Reporter) {
    this.#budget = new Budget(BUDGET, reporter.room.budget);
    this.#isWhole = !reporter.peer.joined;
  }

  set peer(peer: Peer) {
    this.reporter.peer = peer;
    if (peer.joined && this.#reader === undefined) this.#isWhole = false;
  }

  chunk(chunk: Chunk): void {
    this.#guard(() => this.#order.push(chunk));
  }

  end(): void {
    this.#guard(() => {
      this.#order.end();
      if (this.#reader === undefined && this.#untold.length > 0) this.#decide(true);
      if (this.#reader === undefined) this.#tellPassed();
      this.#reader?.end();
    });
  }

  /** A mistake of ours must not end the recording of everything else. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#reader = new Unread(this.#host, `agentgov could not read it (${(error as Error).message})`);
      this.#untold = [];
    }
  }

  #onBytes(chunk: Chunk, bytes: Buffer, isCall: boolean): void {
    const origin = originOf(chunk);
    this.reporter.origin = origin;
    const { direction } = chunk;
    if (this.#reader !== undefined) {
      this.#reader.push(this.#roles[direction], bytes, isCall);
      return;
    }
    this.#untold.push({ direction, origin, bytes: Buffer.from(bytes), isCall });
    this.#untoldBytes[direction] += bytes.length;
    this.#decide(false);
  }

  #onGap(chunk: Chunk, length: number): void {
    this.reporter.origin = originOf(chunk);
    this.#isWhole = false;
    if (this.#reader !== undefined) this.#reader.gap(this.#roles[chunk.direction], length);
    else this.#passed[chunk.direction] += length;
  }

  /** Finds out which protocol it is. `mustBe`: no more can be waited for. */
  #decide(mustBe: boolean): void {
    for (const direction of DIRECTIONS) {
      const first = this.#firstBytes(direction);
      const beginning = this.#untold.find((part) => part.direction === direction);
      if (first.length === 0 || (!this.#isWhole && beginning?.isCall !== true)) continue;
      const reader = this.#readerFor(direction, first);
      if (reader !== undefined) {
        this.#begin(reader);
        return;
      }
    }
    if (!this.#isWhole && !mustBe) {
      // A message begins with some later call.
      this.#passOver();
      return;
    }
    const isTold = DIRECTIONS.some((direction) => this.#untoldBytes[direction] >= TELLING);
    const isMuch = this.#untoldBytes.in + this.#untoldBytes.out > UNTOLD_MAX || this.#untold.length > UNTOLD_PARTS;
    const server = this.#firstBytes(this.#roles.in === 'server' ? 'in' : 'out');
    // An HTTP/2 server may be heard before its client.
    const mayFollow = this.#untoldBytes.out === 0 && looksLikeFrames(server);
    if ((isTold && !mayFollow) || isMuch || mustBe) this.#begin(new Unread(this.#host, 'it is not HTTP'));
  }

  #readerFor(direction: Direction, first: Buffer): WireReader | undefined {
    if (first.length >= TELLING && first.toString('latin1', 0, TELLING) === PREFACE) {
      this.#speaks(direction, 'client');
      return new Http2(this.#host, this.#budget, this.#isWhole);
    }
    for (const role of ['client', 'server'] as const) {
      if (!beginsHttp1(role, first) || first.toString('latin1', 0, 5) === 'PRI *') continue;
      this.#speaks(direction, role);
      return new Http1(this.#host, this.#budget, this.#isWhole);
    }
    // In the middle of a connection there is no preface; whoever was governed is taken for the client.
    if (!this.#isWhole && looksLikeFrames(first)) return new Http2(this.#host, this.#budget, false);
    return undefined;
  }

  #speaks(direction: Direction, role: Role): void {
    const opposite = role === 'client' ? 'server' : 'client';
    this.#roles = { ...this.#roles, [direction]: role, [other(direction)]: opposite };
  }

  #firstBytes(direction: Direction): Buffer {
    const parts = this.#untold.filter((part) => part.direction === direction).map(({ bytes }) => bytes);
    return Buffer.concat(parts, Math.min(this.#untoldBytes[direction], 16 * 1024));
  }

  #passOver(): void {
    for (const { direction, bytes } of this.#untold) this.#passed[direction] += bytes.length;
    this.#untold = [];
    this.#untoldBytes = { in: 0, out: 0 };
  }

  #tellPassed(): void {
    for (const direction of DIRECTIONS) {
      const bytes = this.#passed[direction];
      if (bytes > 0) this.#host.unread(this.#roles[direction], bytes, 'capture began in the middle of a message');
    }
  }

  #begin(reader: WireReader): void {
    this.#reader = reader;
    this.#tellPassed();
    const untold = this.#untold;
    this.#untold = [];
    for (const { direction, origin, bytes, isCall } of untold) {
      this.reporter.origin = origin;
      reader.push(this.#roles[direction], bytes, isCall);
    }
  }

  readonly #host: WireHost = {
    open: () => new HttpExchange(this.reporter, this.#budget),
    unread: (from, bytes, reason) => this.#gap(from, bytes, reason),
    upgrade: (exchange, headers) => this.#upgrade(exchange, headers),
  };

  #upgrade(exchange: Exchange, headers: Headers): WireReader {
    exchange.responseEnd();
    const protocol = (headers.get('upgrade') ?? '').toLowerCase();
    if (protocol === 'websocket') {
      const extensions = headers.get('sec-websocket-extensions') ?? '';
      return new WebSocketReader(this.#host, exchange, this.#budget, extensions);
    }
    return new Unread(this.#host, protocol === '' ? 'it is a tunnel' : 'it goes on in another protocol');
  }

  #gap(from: Role, bytes: number, reason: string): void {
    this.#gaps += 1;
    if (this.#gaps > GAPS_MAX) return;
    this.reporter.report('conversation_gap', {
      direction: this.#roles.out === from ? 'out' : 'in',
      missing_bytes: bytes,
      incomplete: true,
      reason,
    });
  }
}

/** Counts what nobody reads. It says so at once, for the connection may last. */
class Unread implements WireReader {
  readonly #told: Record<Role, boolean> = { client: false, server: false };
  readonly #later: Record<Role, number> = { client: 0, server: 0 };

  constructor(
    private readonly host: WireHost,
    private readonly reason: string,
  ) {}

  push(from: Role, bytes: Buffer): void {
    this.gap(from, bytes.length);
  }

  gap(from: Role, length: number): void {
    if (this.#told[from]) this.#later[from] += length;
    else this.host.unread(from, length, this.reason);
    this.#told[from] = true;
  }

  end(): void {
    for (const role of ROLES) if (this.#later[role] > 0) this.host.unread(role, this.#later[role], this.reason);
  }
}
