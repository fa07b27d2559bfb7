import { createHmac } from 'node:crypto';
import { type AgentEvent, type EventValue, fieldOf } from './fields.js';
import { secretsInArgv } from './secrets/argv.js';
import { mayHoldSecret } from './secrets/cue.js';
import { credentialKeyFile, loadCredentialKey } from './secrets/key.js';
import { marker, replaceSpans } from './secrets/span.js';
import { secretsInText } from './secrets/text.js';

/** Takes secrets out of events. */
export interface Redactor {
  /**
   * The event without its secrets: each is replaced by `[redacted:KIND:FINGERPRINT]`, `credential` names the first
   * one's fingerprint, and the `_hex` of a path that changed is left out. The same object where there was nothing.
   */
  readonly redact: (event: AgentEvent) => AgentEvent;
  /** First 16 hex digits of HMAC-SHA256 over the secret's UTF-8 bytes. */
  readonly fingerprint: (secret: string) => string;
}

/** How a field's text is to be read, or undefined where agentgov or the kernel writes it. */
function readAs(name: string): 'path' | 'argv' | 'words' | undefined {
  const field = fieldOf(name);
  // What the registry does not know may hold anything.
  return field ? field.agentText : 'words';
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
  const fingerprint = (secret: string): string => createHmac('sha256', key).update(secret).digest('hex').slice(0, 16);

  const redact = (event: AgentEvent): AgentEvent => {
    let credential: string | undefined;
    const stand = (kind: string, secret: string): string => {
      const print = fingerprint(secret);
      credential ??= print;
      return marker(kind, print);
    };
    const clean = (text: string, kind: 'path' | 'words'): string =>
      mayHoldSecret(text) ? replaceSpans(text, secretsInText(text, kind), stand) : text;
    const cleanArgv = (argv: string[]): string[] => {
      const spans = secretsInArgv(argv);
      return argv.map((text, i) => replaceSpans(text, spans[i] ?? [], stand));
    };
    const cleanValue = (name: string, value: EventValue): EventValue => {
      const kind = readAs(name);
      if (kind === undefined) return value;
      if (typeof value === 'string') return clean(value, kind === 'path' ? 'path' : 'words');
      if (!Array.isArray(value)) return value;
      return kind === 'argv' ? cleanArgv(value) : value.map((text) => clean(text, 'words'));
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

  return { redact, fingerprint };
}
