import { createHmac, type Hmac } from 'node:crypto';
import type { Field } from './field.js';
import { type AgentEvent, type EventValue, fieldOf } from './fields.js';
import { secretsInArgv, secretsInScript } from './secrets/argv.js';
import { mayHoldSecret } from './secrets/cue.js';
import { credentialKeyFile, loadCredentialKey } from './secrets/key.js';
import type { TextKind } from './secrets/scan.js';
import { marker, replaceSpans, type Span } from './secrets/span.js';
import { secretsInText } from './secrets/text.js';

/** A text without its secrets, and what they were, in their order. */
export interface Cleaned {
  readonly text: string;
  readonly secrets: readonly { readonly value: string; readonly fingerprint: string }[];
}

/** Takes secrets out of events. */
export interface Redactor {
  /**
   * The event without its secrets: each is replaced by `[redacted:KIND:FINGERPRINT]`, `credential` names the first
   * one's fingerprint, and the `_hex` of a path that changed is left out. The same object where there was nothing.
   */
  readonly redact: (event: AgentEvent) => AgentEvent;
  /** First 16 hex digits of HMAC-SHA256 over the secret's UTF-8 bytes. */
  readonly fingerprint: (secret: string) => string;
  /**
   * The same for one text, before it is cut or put into an event. `known`: secrets that were seen elsewhere, which are
   * replaced wherever they stand, whatever they look like.
   */
  readonly clean: (text: string, kind: TextKind, known?: Iterable<string>) => Cleaned;
  /** A keyed hash for contents: HMAC-SHA256 with the same key, so that nobody without it can test a guess. */
  readonly hash: () => Hmac;
}

/** How a field's text is to be read, or undefined where agentgov or the kernel writes it. */
function readAs(name: string): Field['agentText'] {
  const field = fieldOf(name);
  // What the registry does not know may hold anything.
  return field ? field.agentText : 'words';
}

const secretsOf = (text: string, kind: TextKind): Span[] =>
  kind === 'script' ? secretsInScript(text) : secretsInText(text, kind);

/** Every place of a text that was seen elsewhere as a secret. */
function* placesOf(text: string, known: Iterable<string>): Generator<Span> {
  for (const secret of known) {
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + secret.length))
      yield { start: at, end: at + secret.length, kind: 'known' };
  }
}

/** `path_hex` of `path` and so on. */
const hexOf = (name: string): string => `${name}_hex`;

/**
 * Opens the installation's key and gives the redactor that uses it.
 *
 * @throws AgentgovError as loadCredentialKey does
 */
export function openRedactor({ keyFile = credentialKeyFile() }: { keyFile?: string } = {}): Redactor {
  const key = loadCredentialKey(keyFile);
  const hash = (): Hmac => createHmac('sha256', key);
  const fingerprint = (secret: string): string => hash().update(secret).digest('hex').slice(0, 16);

  const clean = (text: string, kind: TextKind, known: Iterable<string> = []): Cleaned => {
    const secrets: { value: string; fingerprint: string }[] = [];
    const spans = [...placesOf(text, known), ...secretsOf(text, kind)];
    const cleaned = replaceSpans(text, spans, (what, value) => {
      const print = fingerprint(value);
      secrets.push({ value, fingerprint: print });
      return marker(what, print);
    });
    return { text: cleaned, secrets };
  };

  const redact = (event: AgentEvent): AgentEvent => {
    let credential: string | undefined;
    const stand = (kind: string, secret: string): string => {
      const print = fingerprint(secret);
      credential ??= print;
      return marker(kind, print);
    };
    const cleanText = (text: string, kind: TextKind): string =>
      kind === 'script' || mayHoldSecret(text) ? replaceSpans(text, secretsOf(text, kind), stand) : text;
    const cleanArgv = (argv: string[]): string[] => {
      const spans = secretsInArgv(argv);
      return argv.map((text, i) => replaceSpans(text, spans[i] ?? [], stand));
    };
    const cleanValue = (name: string, value: EventValue): EventValue => {
      const kind = readAs(name);
      if (kind === undefined) return value;
      if (typeof value === 'string') return cleanText(value, kind === 'argv' ? 'words' : kind);
      if (!Array.isArray(value)) return value;
      return kind === 'argv' ? cleanArgv(value) : value.map((text) => cleanText(text, 'words'));
    };

    let changed: AgentEvent | undefined;
    for (const [name, value] of Object.entries(event)) {
      const cleaned = cleanValue(name, value);
      const isSame = Array.isArray(value)
        ? value.every((text, i) => text === (cleaned as string[])[i])
        : cleaned === value;
      if (isSame) continue;
      changed ??= { ...event };
      changed[name] = cleaned;
      delete changed[hexOf(name)];
    }
    if (!changed || credential === undefined) return event;
    return { ...changed, credential: event.credential ?? credential };
  };

  return { redact, fingerprint, clean, hash };
}
