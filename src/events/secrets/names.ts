/** Longest option, variable or parameter name that is looked at; a name is judged by its end. */
export const NAME_MAX = 64;

/** How a name that holds a secret can end (regex sources without capitals; cue.ts searches for the same). */
export const LAST_WORDS = [
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'pass',
  'pwd',
  'secret',
  'token',
  'credentials?',
  'key',
  'key[-_.]?id',
  'auth',
  'sig',
  'signature',
  'code',
  'session',
  'session[-_.]?id',
  'sid',
  'jwt',
  'assertion',
] as const;

/** How a header that holds a secret ends. */
export const HEADER_ENDS = ['authorization', 'cookie', 'apikey', '-key', '-token', '-secret', '-password'] as const;

const LAST = new RegExp(`(?:${LAST_WORDS.join('|')})$`, 'i');
const HEADER = new RegExp(`(?:${HEADER_ENDS.join('|')})$`, 'i');

/** Words as a person would split them: `--db-password`, `OPENAI_API_KEY` and `accessToken` alike. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);

const SECRET_WORD =
  /(?:password|passwd|passphrase|passcode|secret|token|credentials?|sshpass|apikey|accesskey|secretkey|privatekey|authkey)$/;
const KEY_OF = /^(?:api|access|secret|private|signing|encryption|account|master|auth|subscription|license|deploy)$/;
/** Pages of a listing and sizes of a model's context, not keys. */
const HARMLESS_TOKEN = /^(?:max|min|num|n|next|page|starting|continuation|sync|eos|bos|pad|unk|mask|per)$/;
/** Only a URL's parameter or a value that looks like a key makes these secret. */
const WEAK = /^(?:key|code|auth|session|sessionid|session id|sid|sig|jwt|assertion)$|(?:^| )signature$|(?:^| )key$/;

/** `secret`: the value is one. `weak`: it may be one; the value or the place decides. */
export function judgeName(name: string): 'secret' | 'weak' | undefined {
  if (!LAST.test(name) || /^(?:OLD)?PWD$/.test(name)) return undefined;
  const words = wordsOf(name);
  const last = words.at(-1) ?? '';
  const before = words.at(-2) ?? '';
  if (last === 'token' && HARMLESS_TOKEN.test(before)) return undefined;
  if (SECRET_WORD.test(last) || last === 'pass' || last === 'pwd' || /^[a-z]*(?:pg|db|my|require)pass$/.test(last))
    return 'secret';
  if (last === 'key' && KEY_OF.test(before)) return 'secret';
  if ((last === 'id' && before === 'key') || last === 'keyid') return 'secret';
  return WEAK.test(words.join(' ')) ? 'weak' : undefined;
}

/** Whether a header of this name carries a secret (an option glued to it, as in `-HCookie`, does not matter). */
export const isSecretHeader = (name: string): boolean => HEADER.test(name);

/** A value that nobody would have typed by heart. */
export const looksRandom = (value: string): boolean =>
  value.length >= 16 && /[0-9]/.test(value) && /[A-Za-z]/.test(value) && !/[/\\\s]/.test(value);
