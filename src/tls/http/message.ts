/** Header fields in the order in which they stood; names in lower case. */
export class Headers {
  readonly #fields: readonly (readonly [name: string, value: string])[];

  constructor(fields: readonly (readonly [name: string, value: string])[]) {
    this.#fields = fields.map(([name, value]) => [name.toLowerCase(), value]);
  }

  /** The first field's value. */
  get(name: string): string | undefined {
    return this.#fields.find(([own]) => own === name)?.[1];
  }

  [Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    return this.#fields[Symbol.iterator]();
  }
}

export type Version = '1.0' | '1.1' | '2';

export interface RequestHead {
  readonly version: Version;
  readonly method: string;
  /** As it was sent: path and query, or a whole URL to a proxy. */
  readonly target: string;
  readonly host: string | undefined;
  readonly headers: Headers;
}

export interface ResponseHead {
  readonly version: Version;
  readonly status: number;
  readonly headers: Headers;
}

/** Why a message is not whole, as the end of a sentence. */
export type Fault = string;

/**
 * What a reader of the wire tells about one request and its response, in the order in which it finds it. Either half may
 * be missing; a half that began ends exactly once. Responses that are not final (100, 103) are not told.
 */
export interface Exchange {
  request(head: RequestHead): void;
  requestBody(bytes: Uint8Array): void;
  /** Bytes of the body are missing here. */
  requestGap(): void;
  requestEnd(fault?: Fault): void;
  response(head: ResponseHead): void;
  responseBody(bytes: Uint8Array): void;
  responseGap(): void;
  /** Without `response` before it: there will be none, and why. */
  responseEnd(fault?: Fault): void;
  /** The connection is a WebSocket from here on, and this a text message. */
  text(from: Role, text: string): void;
  textEnd(): void;
}

/** Who of the two wrote it. */
export type Role = 'client' | 'server';
export const ROLES = ['client', 'server'] as const;

export const MISSING = 'bytes of it are missing';
export const ENDED = 'the connection ended in the middle of it';

/** A reader of one connection. */
export interface WireReader {
  /** Bytes in order. `isCall`: they are the first of a call of the library, where a message may begin. */
  push(from: Role, bytes: Buffer, isCall: boolean): void;
  /** So many bytes are missing here. */
  gap(from: Role, length: number): void;
  /** There will be no more. */
  end(): void;
}

/** What a reader needs of the connection. */
export interface WireHost {
  /** A request, or a response of which nobody saw the request. */
  open(): Exchange;
  /** Bytes that could not be understood, and why. */
  unread(from: Role, bytes: number, reason: string): void;
  /** The two have agreed to go on in another protocol: who reads that. `headers`: of the answer that says so. */
  upgrade(exchange: Exchange, headers: Headers): WireReader;
}
