type Token = { any: true } | { one: true } | { set: string; negated: boolean } | { char: string };

function parse(pattern: string): Token[] {
  const tokens: Token[] = [];
  const chars = [...pattern];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? '';
    if (char === '*') tokens.push({ any: true });
    else if (char === '?') tokens.push({ one: true });
    else if (char === '\\' && at + 1 < chars.length) tokens.push({ char: chars[++at] ?? '' });
    else if (char === '[') {
      // As in a shell: `]` straight after the bracket is a member, and a bracket without an end is itself.
      const negated = chars[at + 1] === '!' || chars[at + 1] === '^';
      const from = at + 1 + Number(negated);
      const end = chars.indexOf(']', from + 1);
      if (end === -1) tokens.push({ char });
      else {
        tokens.push({ set: chars.slice(from, end).join(''), negated });
        at = end;
      }
    } else tokens.push({ char });
  }
  return tokens;
}

function inSet(set: string, char: string): boolean {
  const members = [...set];
  for (let at = 0; at < members.length; at++) {
    const low = members[at] ?? '';
    const high = members[at + 2];
    if (members[at + 1] === '-' && high !== undefined) {
      if (low <= char && char <= high) return true;
      at += 2;
    } else if (low === char) return true;
  }
  return false;
}

const fits = (token: Token, char: string): boolean =>
  'one' in token ||
  ('char' in token ? token.char === char : 'set' in token && inSet(token.set, char) !== token.negated);

/**
 * Whether a name matches a glob (`*`, `?`, `[a-z]`, `[!a-z]`, `\` escapes), whole and case-sensitive.
 *
 * Not by a regular expression: one made from `*a*a*a*a*b` takes time without bound on a name that another user chose.
 */
export function matchesGlob(pattern: string, name: string): boolean {
  const tokens = parse(pattern);
  const chars = [...name];
  let token = 0;
  let char = 0;
  let star = -1;
  let retry = 0;
  while (char < chars.length) {
    const current = tokens[token];
    if (current !== undefined && 'any' in current) {
      star = token++;
      retry = char;
    } else if (current !== undefined && fits(current, chars[char] ?? '')) {
      token++;
      char++;
    } else if (star !== -1) {
      token = star + 1;
      char = ++retry;
    } else return false;
  }
  while (token < tokens.length && 'any' in (tokens[token] as Token)) token++;
  return token === tokens.length;
}
