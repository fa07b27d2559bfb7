// Where keys are kept. Not beside the log: whoever takes the folder of the logs away must not get the key as well.
import { constants } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { usageError } from '../errors.js';
import { syncFolder } from '../folders.js';
import { codeOf } from './files.js';
import { newSigner, parseSkey, parseVkey, type SignerKey, type VerifierKey } from './note.js';

/** The key file of this installation: root's, or the user's own. */
export function defaultKeyPath(): string {
  if (process.getuid?.() === 0) return '/etc/agentgov/checkpoint.key';
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'agentgov', 'checkpoint.key');
}

/** A name for a key that nobody has named: unique enough, and it says where the key lives. */
const defaultName = (): string => `agentgov/${hostname().replace(/[^A-Za-z0-9.-]/g, '-') || 'host'}`;

/**
 * Makes a key and writes it to a file (mode 0600) that must not exist.
 *
 * @throws AgentgovError (usage) when there is such a file, or it cannot be written.
 */
export async function makeKey(path: string, name: string = defaultName()): Promise<SignerKey> {
  const key = newSigner(name);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(`${key.skey}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(path));
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST')
      throw usageError(`${path} exists: show it with agentgov keys show, or give another --key`, error);
    throw usageError(`cannot write the key ${path} (${code}): give another --key`, error);
  }
  return key;
}

/** @throws AgentgovError (usage) when there is no such file, others may read it, or it holds no key. */
export async function loadKey(path: string): Promise<SignerKey> {
  let text: string;
  try {
    const file = await open(path, constants.O_RDONLY);
    try {
      const { mode } = await file.stat();
      if ((mode & 0o077) !== 0)
        throw usageError(`${path} can be read or written by others: make a new key, or chmod 600 it`);
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    throw usageError(`cannot read the key ${path} (${code}): make one with agentgov keys new`, error);
  }
  const key = parseSkey(text);
  if (key === undefined) throw usageError(`${path} holds no key of agentgov: give another --key`);
  return key;
}

/** The keys that a --vkey gives: a vkey, or a file with one on each line. @throws AgentgovError (usage) */
export async function readVkeys(given: string): Promise<VerifierKey[]> {
  if (/^[^+\s]+\+[0-9a-f]{8}\+/.test(given)) return [parseVkey(given)];
  let text: string;
  try {
    text = await readFile(given, 'utf8');
  } catch (error) {
    throw usageError(
      `--vkey takes a key (NAME+8HEX+BASE64) or a file of keys; "${given}" is neither (${codeOf(error)})`,
      error,
    );
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length === 0) throw usageError(`${given} holds no key: give a file with a vkey on each line`);
  return lines.map(parseVkey);
}
