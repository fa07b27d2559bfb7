import type { Cleaned, Redactor } from '../events/index.js';
import { ownText } from '../own-text.js';
import type { Headers } from './http/message.js';

/** Secrets that are remembered, the newest; and how long one has to be, for "none" is a usual key of a local model. */
const KNOWN_MAX = 256;
const LENGTH_MIN = 12;
const LENGTH_MAX = 4096;
const COOKIES_MAX = 32;
/** What may be kept of a name, and header fields that are known to hold no secret: clients send the same ones each time. */
const WORD_MAX = 256;
const HARMLESS_MAX = 1024;

/**
 * Takes secrets out of what conversations say. A secret that was seen where its place gave it away (a header, a
 * parameter) is known from then on, and replaced wherever else it stands.
 */
export class Secrets {
  readonly #known = new Set<string>();
  readonly #harmless = new Set<string>();

  constructor(private readonly redactor: Pick<Redactor, 'clean'>) {}

  /** As `Redactor.clean`, and what is found is known from now on. */
  clean(text: string, kind: 'words' | 'script' | 'argument'): Cleaned {
    const cleaned = this.redactor.clean(text, kind, this.#known);
    for (const { value } of cleaned.secrets) this.#learn(value);
    return cleaned;
  }

  /** A name that somebody else chose, without secrets that are known, of a length that fits a line. */
  word(text: string | undefined): string | undefined {
    // What looks like a key is found when the event is written, if it is whole.
    if (text === undefined || (text.length <= WORD_MAX && !this.#holdsKnown(text))) return text;
    const cleaned = this.clean(text.slice(0, WORD_MAX + LENGTH_MAX), 'words').text;
    return ownText(cleaned.slice(0, WORD_MAX).replace(MARKER_BEGINS, ''));
  }

  /** A host that is asked, maybe with a user and a password in front. */
  host(text: string): string | undefined {
    return this.word(text.includes('@') ? this.clean(`://${text}`, 'words').text.slice(3) : text);
  }

  /**
   * Learns what headers hold. None of their values is kept.
   * @returns the fingerprint of the credential: of Authorization before other keys, of a cookie last.
   */
  learnFrom(headers: Headers): string | undefined {
    let key: string | undefined;
    let cookie: string | undefined;
    for (const [name, value] of headers) {
      const field = `${name}: ${value}`;
      if (this.#harmless.has(field)) continue;
      const fingerprint = this.clean(field, 'argument').secrets[0]?.fingerprint;
      if (fingerprint === undefined) {
        if (field.length <= LENGTH_MAX) keep(this.#harmless, ownText(field), HARMLESS_MAX);
        continue;
      }
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
    if (!this.#known.delete(secret)) this.#harmless.clear();
    keep(this.#known, ownText(secret), KNOWN_MAX);
  }

  #holdsKnown(text: string): boolean {
    for (const secret of this.#known) if (text.includes(secret)) return true;
    return false;
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

/** Adds to the newest; the oldest is forgotten where there are too many. */
function keep(set: Set<string>, text: string, most: number): void {
  set.add(text);
  if (set.size > most) set.delete(set.values().next().value as string);
}

/** The beginning of a text that was cut, without the word that it ends in: that may be a part of a secret. */
export function wholeWords(text: string): string {
  const most = Math.max(0, text.length - LENGTH_MAX);
  let end = text.length;
  while (end > most && !/\s/.test(text[end - 1] as string)) end -= 1;
  return text.slice(0, end);
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
