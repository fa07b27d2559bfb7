// Signed notes (c2sp.org/signed-note v1.0.0) with Ed25519 keys: text, a blank line, signature lines.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { usageError } from '../errors.js';

/** Signature type of Ed25519 (RFC 8032) over the text. */
const ED25519 = 0x01;
const SIGNATURE_LINE = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/u;
const KEY_ID = 4;
/** More than any note of ours has; the specification asks for at least 16. */
const MAX_SIGNATURES = 64;
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key that notes are checked with; its text form is the vkey. */
export interface VerifierKey {
  readonly name: string;
  /** First four bytes of SHA-256(name || LF || type || key), as 8 hex digits. */
  readonly id: string;
  readonly key: KeyObject;
  /** `NAME+ID+BASE64`. */
  readonly vkey: string;
}

export interface SignerKey extends VerifierKey {
  /** `PRIVATE+KEY+NAME+ID+BASE64`: the form of Go's sumdb/note. Whoever has it can sign. */
  readonly skey: string;
  readonly secret: KeyObject;
}

/** A note whose form is right; nothing is known of its signatures yet. */
export interface Note {
  /** With its last LF: what is signed. */
  readonly text: string;
  readonly signatures: ReadonlyArray<{ readonly name: string; readonly id: string; readonly signature: Buffer }>;
}

// White space as Unicode has it, and control characters: a name is one word of one line.
const isName = (name: string): boolean => /^[^\s\p{Cc}+]+$/u.test(name) && name.length <= 255;

function verifierKey(name: string, raw: Buffer): VerifierKey {
  const typed = Buffer.concat([Buffer.of(ED25519), raw]);
  const digest = createHash('sha256').update(`${name}\n`).update(typed).digest();
  const id = digest.toString('hex', 0, KEY_ID);
  const key = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
  return { name, id, key, vkey: `${name}+${id}+${typed.toString('base64')}` };
}

function signerKey(name: string, seed: Buffer): SignerKey {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  const own = verifierKey(name, raw);
  const typed = Buffer.concat([Buffer.of(ED25519), seed]).toString('base64');
  return { ...own, secret, skey: `PRIVATE+KEY+${name}+${own.id}+${typed}` };
}

/** A new key. @throws AgentgovError (usage) when the name is none: it is one word without "+" */
export function newSigner(name: string): SignerKey {
  if (!isName(name)) throw usageError(`"${name}" cannot name a key: give a word without spaces and "+"`);
  const { privateKey } = generateKeyPairSync('ed25519');
  return signerKey(name, privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8.length));
}

/** The bytes of a base64 text, undefined unless it is spelled in the one right way and holds an Ed25519 key. */
function typedKey(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text && bytes.length === 33 && bytes[0] === ED25519
    ? bytes.subarray(1)
    : undefined;
}

/** Reads a vkey. @throws AgentgovError (usage) when it is none, or of another kind than Ed25519 */
export function parseVkey(text: string): VerifierKey {
  const [, name = '', id, base64 = ''] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/.exec(text.trim()) ?? [];
  const raw = typedKey(base64);
  if (!isName(name) || raw === undefined)
    throw usageError('not a key: give NAME+8HEX+BASE64 of an Ed25519 key, as agentgov keys show prints it');
  const key = verifierKey(name, raw);
  if (key.id !== id) throw usageError(`the key of ${name} is damaged: its id should be ${key.id}, not ${id}`);
  return key;
}

/** Reads a private key; undefined when the text is none. */
export function parseSkey(text: string): SignerKey | undefined {
  const [, name = '', id, base64 = ''] = /^PRIVATE\+KEY\+([^+]*)\+([0-9a-f]{8})\+(.*)$/.exec(text.trim()) ?? [];
  const seed = typedKey(base64);
  if (!isName(name) || seed === undefined) return undefined;
  const key = signerKey(name, seed);
  return key.id === id ? key : undefined;
}

/** The whole note for a text, which ends in LF. */
export function signNote(text: string, { name, id, secret }: SignerKey): string {
  const blob = Buffer.concat([Buffer.from(id, 'hex'), sign(null, Buffer.from(text), secret)]);
  return `${text}\n\u2014 ${name} ${blob.toString('base64')}\n`;
}

/** Takes a note apart; undefined when it is none. */
export function parseNote(note: string): Note | undefined {
  // Control characters, and halves of a character that UTF-8 cannot hold.
  if (/[^\n -\u{10ffff}]|\p{Cs}/u.test(note)) return undefined;
  const blank = note.lastIndexOf('\n\n');
  if (blank < 0 || !note.endsWith('\n')) return undefined;
  const lines = note.slice(blank + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return undefined;
  const signatures = [];
  for (const line of lines) {
    const [, name = '', base64 = ''] = SIGNATURE_LINE.exec(line) ?? [];
    const blob = Buffer.from(base64, 'base64');
    if (!isName(name) || blob.length <= KEY_ID || blob.toString('base64') !== base64) return undefined;
    signatures.push({ name, id: blob.toString('hex', 0, KEY_ID), signature: blob.subarray(KEY_ID) });
  }
  return { text: note.slice(0, blank + 1), signatures };
}

/**
 * The known keys that signed a note. Signatures of unknown keys do not count; undefined when one by a known key is
 * wrong: then the whole note is to be rejected.
 */
export function signersOf({ text, signatures }: Note, keys: readonly VerifierKey[]): VerifierKey[] | undefined {
  const signers: VerifierKey[] = [];
  for (const { name, id, signature } of signatures) {
    const known = keys.find((key) => key.name === name && key.id === id);
    if (known === undefined) continue;
    if (!verify(null, Buffer.from(text), known.key, signature)) return undefined;
    if (!signers.includes(known)) signers.push(known);
  }
  return signers;
}
