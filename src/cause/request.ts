import type { Basis } from './basis.js';
import { type Call, canonical, squeeze, textsOf } from './call.js';

/** Shorter arguments are in too many requests to explain one. */
const LEAST = 8;
/** A body that is compared with arguments, in bytes. */
export const BODY_MAX = 65_536;

/** A request over HTTP that is none to a model. */
export interface Request {
  /** CLOCK_BOOTTIME, microseconds. */
  readonly tsUs: number;
  /** The process that sent it, and over which connection. */
  readonly pid: number;
  readonly startUs: number;
  readonly connection: string;
  /** Own port of its socket, where that is known by now. */
  readonly localPort: number | undefined;
  readonly host: string;
  /** Path and query, as they were sent. */
  readonly path: string;
  /** Keyed hash of its body, as it was sent. */
  readonly hmac: string | undefined;
  /** Its body, where that is JSON of at most {@link BODY_MAX} bytes. */
  readonly body: unknown;
}

/** A request made ready to be compared with many calls. */
export interface Readied {
  readonly hmac: string | undefined;
  readonly url: string;
  readonly place: string;
  readonly body: string;
  readonly texts: string;
}

export function ready({ host, path, hmac, body }: Request): Readied {
  const json = body === undefined ? '' : canonical(body);
  return {
    hmac,
    url: `${host}${path}`.toLowerCase(),
    place: host.toLowerCase(),
    body: json,
    texts: `${decoded(path)}\n${json === '' ? '' : textsOf(json).join('\n')}`,
  };
}

/** Why this call may be what the request was sent for. */
export function requestBasis(call: Call, request: Readied): Basis | undefined {
  if (call.canonical !== undefined && call.canonical.length >= LEAST) {
    if (call.hmac === request.hmac || request.body.includes(call.canonical)) return 'body';
  }
  if (call.texts.some((text) => namesUrl(text.toLowerCase(), request))) return 'url';
  const values = call.texts.filter(({ length }) => length >= LEAST);
  return values.length > 0 && values.every((value) => request.texts.includes(value)) ? 'values' : undefined;
}

/** The whole address, neither the end of another one's host nor the beginning of another path. */
function namesUrl(text: string, { url, place }: Readied): boolean {
  if (place === '') return false;
  // A path of `/` need not be written.
  const address = url === `${place}/` ? place : url;
  for (let at = text.indexOf(address); at >= 0; at = text.indexOf(address, at + 1)) {
    const rest = text.slice(at + address.length, at + address.length + 2);
    if (!/[\w.-]/.test(text[at - 1] ?? '') && /^\/?(?:[\s"'`<>()[\]{},;#|\\]|$)/.test(rest)) return true;
  }
  return false;
}

/** Words of a query as they were meant. */
function decoded(path: string): string {
  try {
    return squeeze(decodeURIComponent(path.replaceAll('+', ' ')));
  } catch {
    return path;
  }
}
