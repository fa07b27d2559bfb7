import type { Redactor } from '../events/index.js';
import { textsOf } from './joiner.js';
import { tellingWords } from './words.js';

/** Words of which it is known where they came from first; what comes after that is not learned. */
const WORDS_MAX = 200_000;
const FINGERPRINT = 12;
/** Words of one tool call that are traced. */
const TRACED_MAX = 16;

/** Where the values in contents first appeared. Of contents it keeps only fingerprints, made with the installation's key. */
export class Origins {
  readonly #first = new Map<string, number>();

  constructor(private readonly redactor: Pick<Redactor, 'hash'>) {}

  /** A content has its place in the log. */
  learn(text: string, seq: number): void {
    for (const word of tellingWords(text)) {
      if (this.#first.size >= WORDS_MAX) return;
      const print = this.#print(word);
      if (!this.#first.has(print)) this.#first.set(print, seq);
    }
  }

  /** The values in a tool call's arguments that came in with a content, and the content's `seq`. */
  trace(args: string): { word: string; seq: number }[] {
    const found: { word: string; seq: number }[] = [];
    for (const word of tellingWords(textsOf(args).join(' '))) {
      const seq = this.#first.get(this.#print(word));
      if (seq !== undefined) found.push({ word, seq });
      if (found.length === TRACED_MAX) break;
    }
    return found;
  }

  #print(word: string): string {
    return this.redactor.hash().update(word).digest('base64').slice(0, FINGERPRINT);
  }
}
