import { judgeName } from './names.js';
import { isReference } from './scan.js';
import type { Span } from './span.js';
import { isOptionValue, secretsInText } from './text.js';

/** Where a program takes its password, beside the options whose names say so. */
interface Tool {
  /** The next argument is the secret. */
  readonly next?: readonly string[];
  /** The secret follows in the same argument: `-psecret`. */
  readonly glued?: readonly string[];
  /** The value is `user:secret`. */
  readonly isPair?: true;
}

const MYSQL: Tool = { glued: ['-p'] };
const LDAP: Tool = { next: ['-w'], glued: ['-w'] };

const TOOLS: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ...['mysql', 'mysqldump', 'mysqladmin', 'mysqlimport', 'mysqlshow', 'mysqlcheck', 'mysqlsh', 'mysqlslap'].map(
    (name): [string, Tool] => [name, MYSQL],
  ),
  ...['mariadb', 'mariadb-dump', 'mariadb-admin', 'mariadb-import', 'mariadb-show', 'mariadb-check'].map(
    (name): [string, Tool] => [name, MYSQL],
  ),
  ...['ldapsearch', 'ldapadd', 'ldapmodify', 'ldapdelete', 'ldapwhoami'].map((name): [string, Tool] => [name, LDAP]),
  ['sshpass', { next: ['-p'], glued: ['-p'] }],
  ['redis-cli', { next: ['-a', '--pass'] }],
  ['curl', { next: ['-u', '--user', '-U', '--proxy-user'], glued: ['-u', '-U'], isPair: true }],
  ['http', { next: ['-a', '--auth'], isPair: true }],
  ['https', { next: ['-a', '--auth'], isPair: true }],
  ['login', { next: ['-p'], glued: ['-p'] }],
]);

/** `login` is a password's place only as a command of these. */
const WITH_LOGIN = new Set(['docker', 'podman', 'nerdctl', 'buildah', 'skopeo', 'oras', 'helm', 'registry']);

/** One word of a command line and where it stands: in argument `arg`, from UTF-16 offset `at`. */
interface Word {
  readonly text: string;
  readonly arg: number;
  readonly at: number;
  /** First word of a command of a script. */
  readonly isFirst?: boolean;
  /** A script's `$NAME`: no secret, but the name of one. */
  readonly isReference?: boolean;
}

/** How deep a script in a script is followed: `ssh host "sudo sh -c 'mysql -p…'"`. */
const DEPTH_MAX = 3;

/** Words of a script as a shell splits them, quotes taken off. Linear. */
function scriptWords(text: string, arg: number, at: number): Word[] {
  const words: Word[] = [];
  let isFirst = true;
  for (let i = 0; i < text.length; ) {
    const c = text[i] as string;
    if (/\s/.test(c)) {
      if (c === '\n') isFirst = true;
      i++;
    } else if (';|&()<>`'.includes(c)) {
      isFirst = true;
      i++;
    } else {
      const start = i;
      let quote = '';
      for (; i < text.length; i++) {
        const d = text[i] as string;
        if (d === '\\' && quote !== "'") i++;
        else if (quote) quote = d === quote ? '' : quote;
        else if (d === '"' || d === "'") quote = d;
        else if (/[\s;|&()<>`]/.test(d)) break;
      }
      const raw = text.slice(start, i);
      const isQuoted = raw.length > 1 && (raw[0] === '"' || raw[0] === "'") && raw.at(-1) === raw[0];
      const inner = { start: start + (isQuoted ? 1 : 0), end: i - (isQuoted ? 1 : 0) };
      words.push({
        text: text.slice(inner.start, inner.end),
        arg,
        at: at + inner.start,
        isFirst,
        isReference: isReference(text, inner, 'script'),
      });
      isFirst = false;
    }
  }
  return words;
}

/** Calls `found` for each secret that only its place in the command line gives away. */
function walk(words: readonly Word[], found: (arg: number, span: Span) => void, depth: number): void {
  let tool: Tool | undefined;
  let withLogin = false;
  const secret = (word: Word, from: number, kind: string) => {
    if (from < word.text.length && !word.isReference)
      found(word.arg, { start: word.at + from, end: word.at + word.text.length, kind });
  };
  const toolValue = (word: Word, from: number, isPair: boolean) => {
    const colon = isPair ? word.text.indexOf(':', from) : from - 1;
    if (colon >= 0 || !isPair) secret(word, colon + 1, 'password');
  };

  words.forEach((word, i) => {
    const { text } = word;
    const next = words[i + 1];
    if (word.isFirst) {
      tool = undefined;
      withLogin = false;
    }
    if (text.startsWith('-')) {
      const isLong = /^--?[A-Za-z0-9][A-Za-z0-9_-]+$/.test(text) && text.length <= 64;
      if (isLong && next && judgeName(text) === 'secret' && isOptionValue(text, next.text)) secret(next, 0, 'password');
      if (tool?.next?.includes(text) && next) toolValue(next, 0, tool.isPair === true);
      const glued = tool?.glued?.find((flag) => text.startsWith(flag) && text.length > flag.length);
      if (glued && !text.startsWith('--')) toolValue(word, glued.length, tool?.isPair === true);
    } else {
      const name = text.slice(text.lastIndexOf('/') + 1);
      if (WITH_LOGIN.has(name)) withLogin = true;
      else if (name !== 'login' || withLogin) tool = TOOLS.get(name) ?? tool;
      // npm config set //registry/:_authToken SECRET
      if (next && /[:_](?:_authToken|_password|_auth)$/.test(text.slice(-16))) secret(next, 0, 'password');
      // openssl … -passin pass:SECRET
      if (text.startsWith('pass:')) secret(word, 5, 'password');
    }
    if (depth < DEPTH_MAX && /\s/.test(text)) walk(scriptWords(text, word.arg, word.at), found, depth + 1);
  });
}

/** Whether a shell will read this argument: `sh -c`, `bash -lc`, `su -c`, `--command`. */
const isScript = (argv: readonly string[], i: number): boolean =>
  i > 0 && /^(?:-[a-zA-Z]{0,8}c|--command)$/.test(argv[i - 1] as string);

/** The secrets of a command line, for each argument. Linear in the bytes of all arguments. */
export function secretsInArgv(argv: readonly string[]): Span[][] {
  const spans = argv.map((text, i) => secretsInText(text, isScript(argv, i) ? 'script' : 'argument'));
  walk(
    argv.map((text, arg) => ({ text, arg, at: 0 })),
    (arg, span) => spans[arg]?.push(span),
    0,
  );
  return spans;
}
