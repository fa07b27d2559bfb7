import type { Redactor } from '../events/index.js';
import { tellingWords } from './words.js';

/** Words of which it is known where they came from first; what comes after that is not learned. */
const WORDS_MAX = 200_000;
const FINGERPRINT = 16;
/** Words of one tool call that are traced. */
const TRACED_MAX = 16;

/** Where a word first came in. */
export interface Traced {
  readonly word: string;
  /** Its keyed fingerprint, 16 hex digits. */
  readonly print: string;
  /** `seq` of the content. */
  readonly seq: number;
}

/** Where the values in contents first appeared. Of contents it keeps only fingerprints, made with the installation's key. */
export class Origins {
  readonly #first = new Map<string, number>();

  constructor(private readonly redactor: Pick<Redactor, 'hash'>) {}

  /** There were more words than are remembered: where later ones came from will not be known. */
  get isFull(): boolean {
    return this.#first.size >= WORDS_MAX;
  }

  /** A content has its place in the log. */
  learn(text: string, seq: number): void {
    for (const word of tellingWords(text)) {
      if (this.isFull) return;
      const print = this.#print(word);
      if (!this.#first.has(print)) this.#first.set(print, seq);
    }
  }

  /** The values in a text that came in with a content. `isCut`: there may be more. */
  trace(text: string): { words: Traced[]; isCut: boolean } {
    const words: Traced[] = [];
    for (const word of tellingWords(text)) {
      const print = this.#print(word);
      const seq = this.#first.get(print);
      if (seq === undefined) continue;
      if (words.length === TRACED_MAX) return { words, isCut: true };
      words.push({ word, print, seq });
    }
    return { words, isCut: this.isFull };
  }

  #print(word: string): string {
    return this.redactor.hash().update(word).digest('hex').slice(0, FINGERPRINT);
  }
}
