/** Text with `*` in it, taken apart at the stars: n stars give n + 1 pieces. */
export type Stars = readonly string[];

/**
 * Whether a text is the pieces in their order with anything between them. Each piece is taken where it comes first, so
 * the time is linear in practice and never exponential, whatever the text: it may be the agent's.
 */
export function matchesStars(pieces: Stars, text: string): boolean {
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return text === first;
  const last = pieces[pieces.length - 1] ?? '';
  const end = text.length - last.length;
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (let piece = 1; piece < pieces.length - 1; piece++) {
    const found = text.indexOf(pieces[piece] ?? '', at);
    if (found < 0) return false;
    at = found + (pieces[piece] ?? '').length;
  }
  return at <= end;
}

/**
 * Whether all that the narrow pattern matches is matched by the wide one. Sound, not complete: a star of the narrow one
 * is taken for a character that only a star of the wide one can be.
 */
export const coversStars = (wide: Stars, narrow: Stars): boolean => matchesStars(wide, narrow.join('\u0000'));

/** Characters that a pattern pins down. */
export const literalLength = (pieces: Stars): number => pieces.reduce((sum, piece) => sum + piece.length, 0);
