import { HTTPParser, type HTTPParserJS } from 'http-parser-js';
import { Headers, type RequestHead, type ResponseHead, type Role, type Version } from './message.js';

// Header fields are bytes (RFC 9110, 5.5); 'ascii' would take the eighth bit off.
HTTPParser.encoding = 'latin1';

/** Bytes at once but of a body of known length: the parser counts them against its bound for a head, wherever that ends in them. */
const SLICE = 16 * 1024;
/** The same bound for what the parser does not count: chunk sizes, their extensions, trailers. */
const SILENCE = 96 * 1024;
/** Zeros in the place of missing bytes; nobody looks at them. */
const FILLER = Buffer.alloc(SLICE);

export interface SideEvents {
  request(head: RequestHead): void;
  /** @returns whether a body follows, or another protocol. */
  response(head: ResponseHead): 'body' | 'no body' | 'upgrade';
  body(bytes: Buffer): void;
  complete(): void;
}

/** A message that breaks a rule which the parser lets pass. */
class Malformed extends Error {}

/** Requests or responses of one direction of a connection, byte by byte. A wrapper that believes no length. */
export class Http1Side {
  /** The rest is for another protocol, if the other side agrees: nothing more is read. */
  stopped = false;
  readonly #parser: HTTPParserJS;
  readonly #events: SideEvents;
  #silence = 0;
  /** Bytes of the body that are still to come; undefined where nobody says, and between messages. */
  #left: number | undefined;
  #inBody = false;
  #isUnbounded = false;
  #isHole = false;
  #isOver = true;

  constructor(role: Role, events: SideEvents) {
    this.#events = events;
    const parser = new HTTPParser(role === 'client' ? HTTPParser.REQUEST : HTTPParser.RESPONSE);
    parser[HTTPParser.kOnHeadersComplete] = (info) => {
      this.#silence = 0;
      this.#isOver = false;
      const headers = pairs(info.headers);
      const framing = framingOf(headers);
      this.#left = framing.length;
      this.#inBody = true;
      const version: Version = info.versionMajor === 1 && info.versionMinor === 0 ? '1.0' : '1.1';
      if (role === 'client') {
        // The parser stops behind a head without a body that asks for another protocol.
        if (info.upgrade && !framing.chunked && (framing.length ?? 0) === 0) this.stopped = true;
        const method = HTTPParser.methods[info.method] ?? '';
        const host = headers.get('host');
        this.#events.request({ version, method, target: info.url, host, headers });
        return undefined;
      }
      const what = this.#events.response({ version, status: info.statusCode, headers });
      if (what === 'upgrade') this.stopped = true;
      this.#isUnbounded = what === 'body' && !framing.chunked && framing.length === undefined;
      // 2 lets the parser stop behind the head, 1 only says that there is no body.
      return what === 'upgrade' ? 2 : what === 'no body' ? 1 : undefined;
    };
    parser[HTTPParser.kOnBody] = (bytes, _offset, length) => {
      this.#silence = 0;
      if (!(length >= 0)) throw new Malformed('a chunk has a size below zero');
      if (this.#left !== undefined) this.#left -= length;
      if (!this.#isHole) this.#events.body(bytes);
    };
    parser[HTTPParser.kOnHeaders] = () => {};
    parser[HTTPParser.kOnMessageComplete] = () => {
      this.#silence = 0;
      this.#inBody = false;
      this.#isUnbounded = false;
      this.#left = undefined;
      this.#isOver = true;
      this.#events.complete();
    };
    this.#parser = parser;
  }

  /** Between two messages. */
  get isIdle(): boolean {
    return this.#isOver && this.#silence === 0;
  }

  /** @returns what was not read because the protocol changes. @throws Error where the bytes are no HTTP/1 */
  feed(bytes: Buffer): Buffer {
    for (let at = 0; at < bytes.length; ) {
      if (this.stopped) return bytes.subarray(at);
      const body = this.#inBody ? (this.#left ?? 0) : 0;
      const slice = bytes.subarray(at, at + Math.max(SLICE, body));
      this.#silence += slice.length;
      const read = this.#parser.execute(slice);
      if (read instanceof Error) throw read;
      if (this.#silence > SILENCE) throw new Malformed('a head or a chunk size does not end');
      at += read;
    }
    return bytes.subarray(bytes.length);
  }

  /** So many bytes are missing here. @returns whether they are all of one body, so that it is known what follows. */
  skip(length: number): boolean {
    if (!this.#inBody || !(this.#isUnbounded || (this.#left ?? 0) >= length)) return false;
    if (this.#isUnbounded) return true;
    this.#isHole = true;
    for (let left = length; left > 0; left -= SLICE) this.feed(FILLER.subarray(0, Math.min(left, SLICE)));
    this.#isHole = false;
    return true;
  }

  /** The connection has ended. @returns whether that was no end in the middle of a message. */
  finish(): boolean {
    if (this.#isUnbounded) {
      this.#parser.finish();
      return true;
    }
    return this.isIdle;
  }
}

const pairs = (flat: readonly string[]): Headers => {
  const fields: [string, string][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i] as string, flat[i + 1] as string]);
  return new Headers(fields);
};

/** How the body ends (RFC 9112, 6.3). @throws Malformed where two readers could understand it in two ways */
function framingOf(headers: Headers): { chunked: boolean; length?: number } {
  let length: number | undefined;
  let chunked = false;
  for (const [name, value] of headers) {
    if (name === 'content-length') {
      if (!/^\d{1,15}$/.test(value)) throw new Malformed('its Content-Length is no number');
      length = Number(value);
    }
    if (name === 'transfer-encoding') {
      if (value.toLowerCase() !== 'chunked') throw new Malformed('its Transfer-Encoding is not chunked alone');
      chunked = true;
    }
  }
  return chunked || length === undefined ? { chunked } : { chunked, length };
}
