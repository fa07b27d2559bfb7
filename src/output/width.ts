/** Characters that take two columns (the wide ranges of Unicode's EastAsianWidth, in the coarse). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const MARK = /\p{M}/u;

const columnsOf = (character: string): number => {
  if (character >= ' ' && character <= '~') return 1;
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
};

/** Columns that an escaped text takes. */
export function columns(text: string): number {
  let sum = 0;
  for (const character of text) sum += columnsOf(character);
  return sum;
}

/** The text in at most `width` columns. What is too long loses its middle: both ends of a path say most. */
export function shorten(text: string, width: number): string {
  if (columns(text) <= width) return text;
  const characters = [...text];
  const take = (from: Iterable<string>, room: number): string[] => {
    const taken: string[] = [];
    let left = room;
    for (const character of from) {
      left -= columnsOf(character);
      if (left < 0) break;
      taken.push(character);
    }
    return taken;
  };
  const room = Math.max(0, width - 1);
  const head = take(characters, Math.ceil(room / 2));
  const tail = take(characters.reverse(), Math.floor(room / 2)).reverse();
  return width <= 0 ? '' : `${head.join('')}…${tail.join('')}`;
}
