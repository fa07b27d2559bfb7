import type { Cleaned, Redactor } from '../events/index.js';
import type { Headers } from './http/message.js';

/** Secrets that are remembered, the newest; and how long one has to be, for "none" is a usual key of a local model. */
const KNOWN_MAX = 256;
const LENGTH_MIN = 12;
const LENGTH_MAX = 4096;
const COOKIES_MAX = 32;

/**
 * Takes secrets out of what conversations say. A secret that was seen where its place gave it away (a header, a
 * parameter) is known from then on, and replaced wherever else it stands.
 */
export class Secrets {
  readonly #known = new Set<string>();

  constructor(private readonly redactor: Pick<Redactor, 'clean'>) {}

  /** As `Redactor.clean`, and what is found is known from now on. */
  clean(text: string, kind: 'words' | 'script' | 'argument'): Cleaned {
    const cleaned = this.redactor.clean(text, kind, this.#known);
    for (const { value } of cleaned.secrets) this.#learn(value);
    return cleaned;
  }

  /**
   * Learns what headers hold. None of their values is kept.
   * @returns the fingerprint of the credential: of Authorization before other keys, of a cookie last.
   */
  learnFrom(headers: Headers): string | undefined {
    let key: string | undefined;
    let cookie: string | undefined;
    for (const [name, value] of headers) {
      const fingerprint = this.clean(`${name}: ${value}`, 'argument').secrets[0]?.fingerprint;
      if (fingerprint === undefined) continue;
      if (name.endsWith('cookie')) {
        cookie ??= fingerprint;
        this.#learnCookies(value);
      } else if (name === 'authorization') {
        key = fingerprint;
        this.#learnBasic(value);
      } else {
        key ??= fingerprint;
      }
    }
    return key ?? cookie;
  }

  #learn(secret: string): void {
    if (secret.length < LENGTH_MIN || secret.length > LENGTH_MAX) return;
    this.#known.delete(secret);
    this.#known.add(secret);
    if (this.#known.size > KNOWN_MAX) this.#known.delete(this.#known.values().next().value as string);
  }

  #learnCookies(value: string): void {
    for (const pair of value.split(';', COOKIES_MAX)) this.#learn(pair.slice(pair.indexOf('=') + 1).trim());
  }

  /** `Basic` is base64 of `user:password`, which may stand elsewhere as it is. */
  #learnBasic(value: string): void {
    const encoded = /^basic\s+(\S+)$/i.exec(value)?.[1];
    if (encoded === undefined) return;
    const pair = Buffer.from(encoded, 'base64').toString('utf8');
    this.#learn(pair.slice(pair.indexOf(':') + 1));
  }
}

const MARKER_BEGINS = /\[redacted:[a-z0-9-]{0,32}:?[0-9a-f]{0,16}$/;

/** At most so many bytes of a text, in whole characters; a marker of a secret is whole or not there. */
export function cutText(text: string, most: number): { text: string; isCut: boolean } {
  if (Buffer.byteLength(text) <= most) return { text, isCut: false };
  // The end of the bytes may be in the middle of a character.
  const beginning = Buffer.from(text)
    .subarray(0, most)
    .toString('utf8')
    .replace(/\ufffd$/, '');
  return { text: beginning.replace(MARKER_BEGINS, ''), isCut: true };
}
