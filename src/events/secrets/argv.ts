import { judgeName, NAME_MAX } from './names.js';
import { isReference } from './scan.js';
import type { Span } from './span.js';
import { isOptionValue, secretsInText } from './text.js';

/** Where a program takes its password, beside the options whose names say so. */
interface Tool {
  /** The next argument is the secret. */
  readonly next?: readonly string[];
  /** The secret follows in the same argument: `-psecret`. */
  readonly glued?: readonly string[];
  /** The value is `user:secret`, with this in between. */
  readonly pair?: ':' | '%';
  /** Letters of options without a value, which the option of a secret may stand behind: `-sSu`. */
  readonly flags?: string;
  /** The next argument is a cookie, or without a `=` the file of some. */
  readonly cookie?: readonly string[];
}

const MYSQL: Tool = { glued: ['-p'] };
const LDAP: Tool = { next: ['-w'], glued: ['-w'] };
const NEXT_P: Tool = { next: ['-p'], glued: ['-p'] };
const NEXT_CAPITAL_P: Tool = { next: ['-P'], glued: ['-P'] };
const CURL: Tool = {
  next: ['-u', '--user', '-U', '--proxy-user'],
  glued: ['-u', '-U'],
  pair: ':',
  flags: 'sSLkfgiIvnNOqRjJlaBGpZ#0123456',
  cookie: ['-b', '--cookie'],
};
const HTTPIE: Tool = { next: ['-a', '--auth'], glued: ['-a'], pair: ':' };

const TOOLS: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ...['mysql', 'mysqldump', 'mysqladmin', 'mysqlimport', 'mysqlshow', 'mysqlcheck', 'mysqlsh', 'mysqlslap'].map(
    (name): [string, Tool] => [name, MYSQL],
  ),
  ...['mariadb', 'mariadb-dump', 'mariadb-admin', 'mariadb-import', 'mariadb-show', 'mariadb-check'].map(
    (name): [string, Tool] => [name, MYSQL],
  ),
  ...['ldapsearch', 'ldapadd', 'ldapmodify', 'ldapdelete', 'ldapwhoami'].map((name): [string, Tool] => [name, LDAP]),
  ...['sshpass', 'login', 'mongo', 'mongosh', 'mongodump', 'mongorestore', 'mongoexport', 'mongoimport'].map(
    (name): [string, Tool] => [name, NEXT_P],
  ),
  ...['zip', 'unzip', 'sqlcmd', 'bcp', 'ipmitool', 'mosquitto_pub', 'mosquitto_sub'].map((name): [string, Tool] => [
    name,
    NEXT_CAPITAL_P,
  ]),
  ...['7z', '7za', '7zr', '7zz'].map((name): [string, Tool] => [name, { glued: ['-p'] }]),
  ...['plink', 'pscp', 'psftp'].map((name): [string, Tool] => [name, { next: ['-pw'] }]),
  ['smbclient', { next: ['-U', '--user'], glued: ['-U'], pair: '%' }],
  ['redis-cli', { next: ['-a', '--pass'] }],
  ['curl', CURL],
  ['http', HTTPIE],
  ['https', HTTPIE],
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

/** How many letters of a group of short options are flags, before the last one. */
function leading(text: string, flags: string): number {
  let count = 0;
  while (count + 2 < text.length && flags.includes(text[count + 1] as string)) count++;
  return count;
}

const isBearer = (option: string): boolean => option === '--oauth2-bearer';

const isSecretName = (text: string): boolean => text.length <= NAME_MAX && judgeName(text) === 'secret';

/** Calls `found` for each secret that only its place in the command line gives away. */
function walk(words: readonly Word[], found: (arg: number, span: Span) => void, depth: number): void {
  let tool: Tool | undefined;
  let withLogin = false;
  const secret = (word: Word, from: number, kind: string) => {
    if (from < word.text.length && !word.isReference)
      found(word.arg, { start: word.at + from, end: word.at + word.text.length, kind });
  };
  const toolValue = (word: Word, from: number, { pair }: Tool) => {
    const before = pair === undefined ? from - 1 : word.text.indexOf(pair, from);
    if (before >= 0 || pair === undefined) secret(word, before + 1, 'password');
  };
  const toolOption = (word: Word, next: Word | undefined, of: Tool) => {
    // Of `-sSu` what counts is `-u`.
    const skipped = of.flags === undefined ? 0 : leading(word.text, of.flags);
    const option = `-${word.text.slice(1 + skipped)}`;
    if (next && of.next?.includes(option)) toolValue(next, 0, of);
    if (next?.text.includes('=') && of.cookie?.includes(option)) secret(next, 0, 'cookie');
    if (option.startsWith('--')) return;
    const glued = of.glued?.find((flag) => option.startsWith(flag) && option.length > flag.length);
    if (glued) toolValue(word, glued.length + skipped, of);
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
      if (isBearer(text) && next) secret(next, 0, 'authorization');
      if (tool) toolOption(word, next, tool);
    } else {
      const name = text.slice(text.lastIndexOf('/') + 1);
      if (WITH_LOGIN.has(name)) withLogin = true;
      else if (name !== 'login' || withLogin) tool = TOOLS.get(name) ?? tool;
      // npm config set //registry/:_authToken SECRET
      if (next && /[:_](?:_authToken|_password|_auth)$/.test(text.slice(-16))) secret(next, 0, 'password');
      // aws configure set aws_secret_access_key SECRET
      const value = words[i + 2];
      const isSet = /^set$/i.test(text) && next && isSecretName(next.text) && !next.isFirst;
      if (isSet && value && !value.isFirst && value.text !== '=') secret(value, 0, 'password');
      // openssl … -passin pass:SECRET
      if (text.startsWith('pass:')) secret(word, 5, 'password');
    }
    if (depth < DEPTH_MAX && /\s/.test(text)) walk(scriptWords(text, word.arg, word.at), found, depth + 1);
  });
}

/** Whether a shell will read this argument: `sh -c`, `bash -lc`, `su -c`, `--command`. */
const isScript = (argv: readonly string[], i: number): boolean =>
  i > 0 && /^(?:-[a-zA-Z]{0,8}c|--command)$/.test(argv[i - 1] as string);

/** The secrets of a script, with those that only their place in a command gives away. Linear. */
export function secretsInScript(text: string): Span[] {
  const spans = secretsInText(text, 'script');
  walk(scriptWords(text, 0, 0), (_, span) => spans.push(span), 1);
  return spans;
}

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
