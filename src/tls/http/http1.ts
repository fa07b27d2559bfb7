import { type Budget, Pile } from '../pile.js';
import { Http1Side } from './http1-side.js';
import {
  ENDED,
  type Exchange,
  type Headers,
  MISSING,
  type RequestHead,
  type ResponseHead,
  ROLES,
  type Role,
  type WireHost,
  type WireReader,
} from './message.js';

/** What may wait for the other side: the two directions are ordered by calls' returns, and an upgrade by its answer. */
const HELD_MAX = 256 * 1024;
/** Requests that wait for their responses. */
const PIPELINE_MAX = 256;

const START = { client: /^[A-Z][A-Z-]{2,15} \S/, server: /^HTTP\/1\.[01] \d/ } as const;

/** Whether a message may begin with these bytes. */
export const beginsHttp1 = (from: Role, bytes: Buffer): boolean =>
  START[from].test(bytes.toString('latin1', 0, Math.min(bytes.length, 24)));

interface Waiting {
  readonly exchange: Exchange;
  readonly method: string;
}

/** One direction: its parser, or how many bytes were passed over since it has lost its place, and why. */
interface Side {
  parser: Http1Side | undefined;
  passed: number;
  reason: string;
  readonly held: Pile;
}

/** An HTTP/1.x connection: requests on one side, their responses in the same order on the other (RFC 9112). */
export class Http1 implements WireReader {
  readonly #host: WireHost;
  readonly #sides: Record<Role, Side>;
  /** Requests without a response yet, in order. */
  readonly #queue: Waiting[] = [];
  /** The messages that are being read. */
  #request: Exchange | undefined;
  #response: Exchange | undefined;
  #isInformational = false;
  /** The answer that switched the protocol, and who reads on. */
  #switching: { exchange: Exchange; headers: Headers } | undefined;
  #next: WireReader | undefined;
  #isWhole: boolean;

  /** `isWhole`: the connection was seen from its first byte. */
  constructor(host: WireHost, budget: Budget, isWhole: boolean) {
    this.#host = host;
    this.#isWhole = isWhole;
    const side = (role: Role): Side => ({
      parser: isWhole ? this.#parser(role) : undefined,
      passed: 0,
      reason: 'capture began in the middle of the connection',
      held: new Pile(budget, HELD_MAX),
    });
    this.#sides = { client: side('client'), server: side('server') };
  }

  push(from: Role, bytes: Buffer, isCall: boolean): void {
    if (this.#next !== undefined) {
      this.#next.push(from, bytes, isCall);
      return;
    }
    const side = this.#sides[from];
    if (side.parser === undefined && isCall && beginsHttp1(from, bytes)) {
      this.#tellPassed(from);
      side.parser = this.#parser(from);
    }
    if (!this.#waits(from)) this.#feed(from, bytes);
    else if (!side.held.push(bytes)) this.#release(from, bytes);
    if (from === 'client' && this.#sides.server.held.length > 0 && !this.#waits('server')) this.#release('server');
  }

  gap(from: Role, length: number): void {
    if (this.#sides[from].held.length > 0) this.#release(from);
    if (this.#next !== undefined) {
      this.#next.gap(from, length);
      return;
    }
    this.#isWhole = false;
    if (this.#sides[from].parser?.skip(length) === true) {
      if (from === 'client') this.#request?.requestGap();
      else this.#response?.responseGap();
      return;
    }
    if (this.#sides[from].parser !== undefined) this.#lose(from, MISSING);
    this.#sides[from].passed += length;
  }

  end(): void {
    for (const role of ROLES) if (this.#sides[role].held.length > 0) this.#release(role);
    if (this.#next !== undefined) {
      this.#next.end();
      return;
    }
    for (const role of ROLES) {
      this.#sides[role].parser?.finish();
      this.#cut(role, ENDED);
      this.#tellPassed(role);
    }
  }

  #parser(role: Role): Http1Side {
    return new Http1Side(role, {
      request: (head) => this.#onRequest(head),
      response: (head) => this.#onResponse(head),
      body: (bytes) => (role === 'client' ? this.#request?.requestBody(bytes) : this.#response?.responseBody(bytes)),
      complete: () => (role === 'client' ? this.#endRequest() : this.#endResponse()),
    });
  }

  #onRequest(head: RequestHead): void {
    if (this.#queue.length >= PIPELINE_MAX) throw new Error(`more than ${PIPELINE_MAX} requests wait for a response`);
    const exchange = this.#host.open();
    this.#request = exchange;
    this.#queue.push({ exchange, method: head.method });
    exchange.request(head);
  }

  #onResponse(head: ResponseHead): 'body' | 'no body' | 'upgrade' {
    const { status } = head;
    if (status >= 100 && status < 200 && status !== 101) {
      this.#isInformational = true;
      return 'no body';
    }
    const waiting = this.#queue.shift();
    const exchange = waiting?.exchange ?? this.#host.open();
    this.#response = exchange;
    exchange.response(head);
    if (status === 101 || (waiting?.method === 'CONNECT' && status >= 200 && status < 300)) {
      this.#switching = { exchange, headers: head.headers };
      return 'upgrade';
    }
    return waiting?.method === 'HEAD' || status === 204 || status === 304 ? 'no body' : 'body';
  }

  #endRequest(fault?: string): void {
    const exchange = this.#request;
    this.#request = undefined;
    exchange?.requestEnd(fault);
  }

  #endResponse(fault?: string): void {
    if (this.#isInformational) {
      this.#isInformational = false;
      return;
    }
    const exchange = this.#response;
    this.#response = undefined;
    exchange?.responseEnd(fault);
  }

  /** Whether nothing can be made of more bytes before the other side has spoken. */
  #waits(from: Role): boolean {
    const { parser } = this.#sides[from];
    if (from === 'client') return parser?.stopped === true;
    return this.#isWhole && this.#queue.length === 0 && this.#response === undefined && parser?.isIdle === true;
  }

  /** Reads what has waited, and `more` behind it. */
  #release(from: Role, more: Buffer = Buffer.alloc(0)): void {
    const side = this.#sides[from];
    const bytes = Buffer.concat([side.held.bytes, more]);
    side.held.clear();
    if (side.parser !== undefined) side.parser.stopped = false;
    this.#feed(from, bytes);
  }

  #feed(from: Role, bytes: Buffer): void {
    const side = this.#sides[from];
    if (this.#next !== undefined) {
      if (bytes.length > 0) this.#next.push(from, bytes, true);
      return;
    }
    if (side.parser === undefined) {
      side.passed += bytes.length;
      return;
    }
    let rest: Buffer;
    try {
      rest = side.parser.feed(bytes);
    } catch (error) {
      this.#lose(from, `they are no HTTP/1 (${(error as Error).message})`);
      side.passed += bytes.length;
      return;
    }
    if (this.#switching !== undefined) this.#switch(this.#switching, rest);
    else if (rest.length > 0 && !side.held.push(rest)) this.#release(from, rest);
    else if (from === 'server' && this.#sides.client.parser?.stopped && this.#queue.length === 0) {
      // The upgrade was refused, so the client goes on in this protocol.
      this.#release('client');
    }
  }

  /** The other protocol begins: on the server's side with these bytes, on the client's with what has waited. */
  #switch({ exchange, headers }: { exchange: Exchange; headers: Headers }, rest: Buffer): void {
    const held = Buffer.from(this.#sides.client.held.bytes);
    for (const role of ROLES) this.#sides[role].held.clear();
    this.#next = this.#host.upgrade(exchange, headers);
    if (held.length > 0) this.#next.push('client', held, true);
    if (rest.length > 0) this.#next.push('server', rest, true);
  }

  /** Nobody knows any more where a message begins on this side. */
  #lose(from: Role, reason: string): void {
    this.#isWhole = false;
    this.#sides[from].parser = undefined;
    this.#sides[from].reason = reason;
    this.#cut(from, reason === MISSING ? MISSING : `behind it are bytes, and ${reason}`);
  }

  /** The messages that will not be completed. Which response is whose is not known either. */
  #cut(from: Role, fault: string): void {
    if (from === 'client') {
      this.#endRequest(fault);
      return;
    }
    this.#isInformational = false;
    if (this.#response !== undefined) this.#endResponse(fault);
    for (const { exchange } of this.#queue.splice(0)) exchange.responseEnd(fault);
  }

  #tellPassed(from: Role): void {
    const side = this.#sides[from];
    if (side.passed > 0) this.#host.unread(from, side.passed, side.reason);
    side.passed = 0;
  }
}
