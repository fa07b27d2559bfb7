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

/**
 * Whether two lists with wildcards (each stands for any number of items) have a list in common.
 *
 * @param meet whether two items that are no wildcards have something in common.
 */
export function listsMeet<Item>(
  a: readonly Item[],
  b: readonly Item[],
  isWild: (item: Item) => boolean,
  meet: (one: Item, other: Item) => boolean,
): boolean {
  // Up to the first wildcard, and from the last one on, item meets item: nearly all lists part there.
  const plain = (one: Item | undefined, other: Item | undefined): boolean =>
    one !== undefined && other !== undefined && !isWild(one) && !isWild(other);
  let head = 0;
  for (; plain(a[head], b[head]); head++) if (!meet(a[head] as Item, b[head] as Item)) return false;
  let tail = 0;
  for (; tail < Math.min(a.length, b.length) - head; tail++) {
    const [one, other] = [a[a.length - 1 - tail], b[b.length - 1 - tail]];
    if (!plain(one, other)) break;
    if (!meet(one as Item, other as Item)) return false;
  }
  return restsMeet(a.slice(head, a.length - tail), b.slice(head, b.length - tail), isWild, meet);
}

function restsMeet<Item>(
  a: readonly Item[],
  b: readonly Item[],
  isWild: (item: Item) => boolean,
  meet: (one: Item, other: Item) => boolean,
): boolean {
  // reach[j]: the items of `a` up to here and the first j of `b` have a list in common.
  let reach = [true, ...b.map((_, at) => b.slice(0, at + 1).every(isWild))];
  for (const one of a) {
    const next = [isWild(one) && (reach[0] ?? false)];
    for (const [at, other] of b.entries()) {
      const grows = isWild(one) ? (reach[at + 1] ?? false) || (next[at] ?? false) : false;
      const shrinks = isWild(other) ? (next[at] ?? false) || (reach[at + 1] ?? false) : false;
      const steps = !isWild(one) && !isWild(other) && (reach[at] ?? false) && meet(one, other);
      next.push(grows || shrinks || steps);
    }
    reach = next;
  }
  return reach[b.length] ?? false;
}

/** Whether some text is matched by both. */
export function starsMeet(a: Stars, b: Stars): boolean {
  if (a.length === 1 && b.length === 1) return a[0] === b[0];
  if (a.length === 1) return matchesStars(b, a[0] ?? '');
  if (b.length === 1) return matchesStars(a, b[0] ?? '');
  // A star is a wildcard; no name holds a NUL.
  const items = (stars: Stars): string[] => [...stars.join('\u0000')];
  return listsMeet(
    items(a),
    items(b),
    (item) => item === '\u0000',
    (one, other) => one === other,
  );
}

/** Characters that a pattern pins down. */
export const literalLength = (pieces: Stars): number => pieces.reduce((sum, piece) => sum + piece.length, 0);
