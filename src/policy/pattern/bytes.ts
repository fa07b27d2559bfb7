const ESCAPED = /\\x([0-9a-f]{2})/g;

/** The bytes of a piece of a pattern, which is spelled as the log spells names: `\xNN` is that byte. */
export function bytesOfPattern(piece: string): Buffer {
  if (!piece.includes('\\')) return Buffer.from(piece);
  const parts: Buffer[] = [];
  let from = 0;
  for (const found of piece.matchAll(ESCAPED)) {
    parts.push(Buffer.from(piece.slice(from, found.index)), Buffer.from([Number.parseInt(found[1] ?? '', 16)]));
    from = found.index + found[0].length;
  }
  return Buffer.concat([...parts, Buffer.from(piece.slice(from))]);
}
