import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { unavailableError, usageError } from '../../errors.js';

const KEY_BYTES = 32;

/** Where this installation keeps the key of its fingerprints: the machine's for root, else the user's own. */
export function credentialKeyFile(): string {
  if (process.geteuid?.() === 0) return '/var/lib/agentgov/credential.key';
  const state = process.env.XDG_STATE_HOME;
  // A relative XDG path is to be ignored (XDG Base Directory Specification).
  return join(state && isAbsolute(state) ? state : join(homedir(), '.local/state'), 'agentgov/credential.key');
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** The key in the file, or undefined where there is none yet. */
function readKey(file: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    const key = Buffer.alloc(KEY_BYTES + 1);
    const isOwn = stat.uid === process.geteuid?.() && (stat.mode & 0o077) === 0;
    if (!stat.isFile() || !isOwn || readSync(fd, key, 0, KEY_BYTES + 1, 0) !== KEY_BYTES) {
      throw usageError(
        `The fingerprint key ${file} must be a file of ${KEY_BYTES} bytes that only you can read (mode 0600); remove it and agentgov makes a new one.`,
      );
    }
    return key.subarray(0, KEY_BYTES);
  } finally {
    closeSync(fd);
  }
}

/** A new key under its name as a whole or not at all; where another process was first, its key stays. */
function createKey(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const fd = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    writeSync(fd, randomBytes(KEY_BYTES));
    fsyncSync(fd);
    linkSync(draft, file);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    closeSync(fd);
    unlinkSync(draft);
  }
}

/**
 * The 32 random bytes that fingerprints are made with, created at first use. Without the key nobody can test a guess
 * of a secret against a fingerprint.
 *
 * @throws AgentgovError exit 2 for a file that is no such key, exit 3 where it cannot be read or made
 */
export function loadCredentialKey(file: string = credentialKeyFile()): Buffer {
  try {
    const key = readKey(file);
    if (key) return key;
    createKey(file);
    const created = readKey(file);
    if (created) return created;
    throw new Error('it vanished');
  } catch (error) {
    if (error instanceof Error && error.name === 'AgentgovError') throw error;
    throw unavailableError(
      `Cannot make or read the fingerprint key ${file} (${error instanceof Error ? error.message : error}); make its folder writable for this user.`,
      error,
    );
  }
}
