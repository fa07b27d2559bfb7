import type { Span } from './span.js';

/** The cheap sign of a shape, for cue.ts: a character, the letters before it, and the run after it (regex sources). */
export type Cue = { readonly anchor: '-' | '_' | 'J' | 'T'; readonly before: string } | { readonly literal: string };

interface Shape {
  readonly kind: string;
  /** Starts with fixed letters and cannot fail after its run has begun, so a scan stays linear. */
  readonly pattern: RegExp;
  readonly cue: Cue;
  /** A second look at what only might be a key. */
  readonly isKey?: (match: string) => boolean;
}

/**
 * Not inside a word ("disk-…"); the `\xNN` of a byte that is not UTF-8 is no word, nor are JSON's escapes of white space
 * and of what is not ASCII.
 */
const EDGE = '(?<=^|[^A-Za-z0-9]|\\\\x[0-9a-f]{2}|\\\\[bfnrt]|\\\\u[0-9A-Fa-f]{4})';

const hasDigit = (text: string): boolean => /[0-9]/.test(text);

/** JWS has three parts, JWE five; the first is JSON (`{"` is `eyJ`), and in a JWS the second too. */
const isJwt = (match: string): boolean => {
  const parts = match.split('.');
  return parts.some(
    (part, i) =>
      part.includes('eyJ') &&
      ((parts[i + 1]?.startsWith('eyJ') && (parts[i + 2] ?? '').length > 0) || parts.length - i >= 5),
  );
};

/** A dot is frequent in a path: what stands before it is looked at first. */
const DOTTED = '\\.(?<=(?:hv[sbr]|SG)\\.)(?=[A-Za-z0-9_-]{16})';

/** Keys that can be told by their look alone, most specific first. */
export const SHAPES: readonly Shape[] = [
  { kind: 'anthropic-key', pattern: /sk-ant-[A-Za-z0-9_-]{8,}/g, cue: { anchor: '-', before: 'sk' } },
  {
    kind: 'openai-key',
    pattern: new RegExp(`${EDGE}sk-(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_-]{8,}`, 'g'),
    cue: { anchor: '-', before: 'sk' },
  },
  {
    kind: 'sk-key',
    pattern: new RegExp(`${EDGE}sk-[A-Za-z0-9_-]{20,}`, 'g'),
    cue: { anchor: '-', before: 'sk' },
    isKey: hasDigit,
  },
  { kind: 'google-key', pattern: /AIza[A-Za-z0-9_-]{30,}/g, cue: { literal: 'AIza' } },
  { kind: 'google-token', pattern: /ya29\.[A-Za-z0-9_-]{16,}/g, cue: { literal: 'ya29\\.' } },
  { kind: 'google-secret', pattern: /GOCSPX-[A-Za-z0-9_-]{16,}/g, cue: { anchor: '-', before: 'GOCSPX' } },
  {
    kind: 'aws-key-id',
    pattern: new RegExp(`${EDGE}A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])`, 'g'),
    cue: { literal: 'A[KS]IA[A-Z0-9]{16}' },
  },
  { kind: 'aws-token', pattern: /IQoJb3JpZ2lu[A-Za-z0-9+/=]{16,}/g, cue: { literal: 'IQoJb3' } },
  { kind: 'github-token', pattern: /gh[pousr]_[A-Za-z0-9]{20,}/g, cue: { anchor: '_', before: 'gh[pousr]' } },
  {
    kind: 'github-token',
    pattern: /github_pat_[A-Za-z0-9]{10}[A-Za-z0-9_]{10,}/g,
    cue: { anchor: '_', before: 'github_pat' },
  },
  {
    kind: 'gitlab-token',
    pattern: /gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-[A-Za-z0-9_-]{10}[A-Za-z0-9_.-]{6,}/g,
    cue: { anchor: '-', before: 'gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)' },
  },
  { kind: 'slack-token', pattern: /xox[a-z]-[A-Za-z0-9-]{10,}/g, cue: { anchor: '-', before: 'xox[a-z]' } },
  { kind: 'slack-token', pattern: /xapp-[A-Za-z0-9-]{10,}/g, cue: { anchor: '-', before: 'xapp' } },
  {
    kind: 'slack-webhook',
    pattern: /(?<=hooks\.slack\.com\/services\/)T[A-Za-z0-9_/-]{16,}/g,
    cue: { anchor: 'T', before: '\\.slack\\.com\\/services\\/' },
  },
  {
    kind: 'stripe-key',
    pattern: /[sr]k_(?:live|test)_[A-Za-z0-9]{10,}/g,
    cue: { anchor: '_', before: '[sr]k_(?:live|test)' },
  },
  { kind: 'stripe-key', pattern: /whsec_[A-Za-z0-9+/=]{16,}/g, cue: { literal: 'whsec_' } },
  { kind: 'npm-token', pattern: /npm_[A-Za-z0-9]{30,}/g, cue: { anchor: '_', before: 'npm' } },
  {
    kind: 'pypi-token',
    pattern: /pypi-[A-Za-z0-9_-]{16,}/g,
    cue: { anchor: '-', before: 'pypi' },
    isKey: (match) => /[0-9]/.test(match) && /[A-Z]/.test(match),
  },
  {
    kind: 'huggingface-token',
    pattern: new RegExp(`${EDGE}hf_[A-Za-z0-9]{20,}`, 'g'),
    cue: { anchor: '_', before: 'hf' },
  },
  { kind: 'groq-key', pattern: /gsk_[A-Za-z0-9]{20,}/g, cue: { anchor: '_', before: 'gsk' } },
  { kind: 'xai-key', pattern: /xai-[A-Za-z0-9]{20,}/g, cue: { anchor: '-', before: 'xai' } },
  {
    kind: 'vault-token',
    pattern: /hv[sbr]\.[A-Za-z0-9_-]{20,}/g,
    cue: { literal: DOTTED },
  },
  {
    kind: 'sendgrid-key',
    pattern: /SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}/g,
    cue: { literal: DOTTED },
  },
  {
    kind: 'telegram-token',
    pattern: /(?<=[0-9]{8}:)AA[A-Za-z0-9_-]{30,}/g,
    cue: { literal: ':AA(?=[A-Za-z0-9_-]{30})' },
  },
  {
    kind: 'discord-webhook',
    pattern: /(?<=\/webhooks\/[0-9]{15,20}\/)[A-Za-z0-9_-]{30,}/g,
    cue: { literal: 'webhooks\\/[0-9]{15}' },
  },
  {
    kind: 'digitalocean-token',
    pattern: /do[oprt]_v1_[a-f0-9]{32,}/g,
    cue: { anchor: '_', before: 'do[oprt]_v1' },
  },
  {
    kind: 'docker-token',
    pattern: /dckr_pat_[A-Za-z0-9]{10}[A-Za-z0-9_-]{10,}/g,
    cue: { anchor: '_', before: 'dckr_pat' },
  },
  {
    kind: 'shopify-token',
    pattern: /shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{20,}/g,
    cue: { anchor: '_', before: 'shp(?:at|ca|pa|ss)' },
  },
  { kind: 'square-token', pattern: /sq0[a-z]{3}-[A-Za-z0-9_-]{16,}/g, cue: { anchor: '-', before: 'sq0[a-z]{3}' } },
  {
    kind: 'age-key',
    pattern: /AGE-SECRET-KEY-1[A-Z0-9]{50,}/g,
    cue: { anchor: '-', before: 'AGE-SECRET-KEY' },
  },
  {
    kind: 'replicate-token',
    pattern: new RegExp(`${EDGE}r8_[A-Za-z0-9]{30,}`, 'g'),
    cue: { anchor: '_', before: 'r8' },
  },
  {
    kind: 'service-token',
    pattern: /(?:glsa|lin_api|ntn|figd|sntry[su])_[A-Za-z0-9]{20,}[A-Za-z0-9_=-]*/g,
    cue: { anchor: '_', before: '(?:glsa|lin_api|ntn|figd|sntry[su])' },
    isKey: hasDigit,
  },
  {
    kind: 'service-token',
    pattern: /(?:nvapi|tvly|pplx|PMAK|tskey-(?:api|auth|client))-[A-Za-z0-9_-]{20,}/g,
    cue: { anchor: '-', before: '(?:nvapi|tvly|pplx|PMAK|tskey-(?:api|auth|client))' },
    isKey: hasDigit,
  },
  { kind: 'atlassian-token', pattern: /ATATT3[A-Za-z0-9_=-]{20,}/g, cue: { literal: 'ATATT3' } },
  {
    kind: 'jwt',
    pattern: /eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*/g,
    cue: { anchor: 'J', before: 'ey' },
    isKey: isJwt,
  },
];

const PEM = '-----BEGIN ';
const PEM_PRIVATE = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----/y;

/** The body of each private key block; up to the end of the text where the block has been cut. */
function privateKeys(text: string): Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf(PEM); at >= 0; at = text.indexOf(PEM, at + 1)) {
    PEM_PRIVATE.lastIndex = at;
    const head = PEM_PRIVATE.exec(text);
    if (!head) continue;
    const start = at + head[0].length;
    const tail = text.indexOf('-----END', start);
    const end = tail < 0 ? text.length : tail;
    spans.push({ start, end, kind: 'private-key' });
    at = end;
  }
  return spans;
}

/** Everything in the text that looks like a key, whatever stands around it. */
export function shapedSecrets(text: string): Span[] {
  const spans = privateKeys(text);
  for (const { kind, pattern, isKey } of SHAPES) {
    for (const match of text.matchAll(pattern)) {
      if (isKey && !isKey(match[0])) continue;
      spans.push({ start: match.index, end: match.index + match[0].length, kind });
    }
  }
  return spans;
}
