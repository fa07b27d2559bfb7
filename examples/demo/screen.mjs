// What the demo prints: headings, indented lines, and claims with their verdict. Colour only on a terminal.

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code) => (text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);

export const bold = paint(1);
export const dim = paint(2);
const green = paint(32);
const red = paint(31);

export const print = (text = '') => process.stdout.write(`${text}\n`);
export const heading = (text) => print(`\n${bold(text)}\n`);

/** Text from elsewhere (paths, arguments, another program's words) may not drive the terminal. */
export const safe = (text) =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

/** Prints `claim` with the sign of `holds`. @returns {boolean} `holds` */
export function claim(holds, text) {
  print(`  ${holds ? green('✓') : red('✗')} ${text}`);
  return holds;
}

/** `1 connect`, `12 connects`. */
export const count = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;
