// Names of tools, databases and intents: `*` is any run of characters.
import { coversStars, literalLength, matchesStars, type Stars } from './stars.js';

export interface WordsPattern {
  readonly stars: readonly Stars[];
  /** What the least exact of them pins down: a name without a star counts more than any with one. */
  readonly specificity: number;
}

const EXACT = 1000;

export function parseWords(patterns: readonly string[]): WordsPattern {
  const stars = patterns.map((pattern) => pattern.split('*'));
  const values = stars.map((pieces) => literalLength(pieces) + (pieces.length === 1 ? EXACT : 0));
  return { stars, specificity: Math.min(...values) };
}

export const matchesWords = ({ stars }: WordsPattern, text: string): boolean =>
  stars.some((pieces) => matchesStars(pieces, text));

export const coversWords = (wide: WordsPattern, narrow: WordsPattern): boolean =>
  narrow.stars.every((pieces) => wide.stars.some((other) => coversStars(other, pieces)));
