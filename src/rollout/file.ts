// The file of an agent's record: one that its owner alone can write, replaced in one step.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../folders.js';
import { replaceFile } from '../whole-file.js';
import { parseRecord, type RuleRecord, recordText } from './record.js';

/** Some 400 bytes a rule, and a policy has at most 65,536. */
const MAX_BYTES = 64 << 20;

/** @throws Error with the end of a sentence that begins with the file's name; no file is an empty record. */
export async function readRecord(path: string): Promise<RuleRecord[]> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`cannot be read (${error.code})`);
  });
  if (file === undefined) return [];
  try {
    const stat = await file.stat();
    const isOwn = stat.uid === process.geteuid?.() && (stat.mode & 0o022) === 0;
    if (!stat.isFile() || !isOwn) throw new Error('is no file that this user alone can write');
    if (stat.size > MAX_BYTES) throw new Error(`has more than ${MAX_BYTES} bytes`);
    return parseRecord(await file.readFile('utf8'));
  } finally {
    await file.close();
  }
}

/** @throws system errors as they are; the old record is whole then. */
export async function writeRecord(path: string, rules: readonly RuleRecord[]): Promise<void> {
  makeFolder(dirname(path), 0o700);
  await replaceFile(path, recordText(rules));
}
