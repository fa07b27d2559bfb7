/*
 * What a terminal would obey or not show: controls (ESC, CR, C1 …), format characters (bidi, zero width, tags, soft
 * hyphen), line and paragraph separators, lone surrogates, everything else that is drawn as nothing, and spaces that
 * only look like the space. Of combining marks only the fourth and later in a row, and one without a base: a pile of
 * them paints over the lines around it. The backslash only where it would look like one of our own escapes.
 */
const UNSAFE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]|(?! )\p{Zs}|(?<=^|\p{M}{3})\p{M}|\\(?=u\{)/gu;

const PLAIN = /^[ -[\]-~]*$/;

/**
 * The text as a terminal may safely show it, on one line: each dangerous or invisible character becomes `\u{HEX}`.
 * Injective: two different texts never look the same, and replacing each `\u{HEX}` by its character gives the text back.
 */
export const escapeForTerminal = (text: string): string =>
  PLAIN.test(text) ? text : text.replace(UNSAFE, (c) => `\\u{${(c.codePointAt(0) as number).toString(16)}}`);
