/** Addresses, hosts, paths, names of packages, numbers of accounts: what is not a word of a language. */
const TELLING = /[./:@_-]|\d{4}/;
const LENGTH_MIN = 5;
const LENGTH_MAX = 200;
/** What stands between words, also in commands and in code. */
export const BREAKS = /[\s"'`<>()[\]{},;|&=\\]+/;

/**
 * The values in a text by which it can be found again elsewhere: in lower case, each once, in their order; of an address on
 * the web its host too, of a path its last name. Linear in the text.
 */
export function tellingWords(text: string): string[] {
  const words = new Set<string>();
  const add = (word: string) => {
    const plain = word.replace(/^[.:-]+|[.:!?-]+$/g, '').toLowerCase();
    if (plain.length >= LENGTH_MIN && plain.length <= LENGTH_MAX && TELLING.test(plain)) words.add(plain);
  };
  for (const piece of text.split(BREAKS)) {
    if (piece.length > 4 * LENGTH_MAX) continue;
    add(piece);
    add(piece.slice(piece.lastIndexOf('/') + 1));
    const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/:?#]+)/i.exec(piece)?.[1];
    if (host !== undefined) add(host);
  }
  return [...words];
}
