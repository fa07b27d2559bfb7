// Checkpoints (c2sp.org/tlog-checkpoint): signed statements about the first N lines of a log, kept in
// AUDIT.checkpoints one behind the other, with an empty line after each.
//
// The origin names the log by the hash of its first line, so a checkpoint of another log, or of this one rewritten from
// its first line on, never fits. The log announces each checkpoint before it is made, by a `checkpoint` record in its
// last line, so one that is missing shows.
import { readFile } from 'node:fs/promises';
import { usageError } from '../errors.js';
import { codeOf } from './files.js';
import { type Note, parseNote, type SignerKey, signNote } from './note.js';

export const checkpointsPath = (log: string): string => `${log}.checkpoints`;

/** `log`: `hash_self` of its first line. */
export const originOf = (log: string): string => `agentgov.log/${log}`;

export interface Checkpoint {
  readonly origin: string;
  /** Lines that it speaks of. */
  readonly size: number;
  /** MTH over them. */
  readonly root: Uint8Array;
  readonly note: Note;
  /** The note as it stands in the file. */
  readonly raw: string;
}

/** Signs the statement that the first `size` lines of a log have this root. */
export function signCheckpoint(head: Pick<Checkpoint, 'origin' | 'size' | 'root'>, key: SignerKey): string {
  return signNote(`${head.origin}\n${head.size}\n${Buffer.from(head.root).toString('base64')}\n`, key);
}

/** Takes one checkpoint apart; undefined when it is none. Its signatures are not looked at. */
export function parseCheckpoint(raw: string): Checkpoint | undefined {
  const note = parseNote(raw);
  if (note === undefined) return undefined;
  const [origin = '', size = '', root = '', ...extensions] = note.text.slice(0, -1).split('\n');
  const bytes = Buffer.from(root, 'base64');
  const count = Number(size);
  const isSize = /^(?:0|[1-9][0-9]*)$/.test(size) && Number.isSafeInteger(count);
  if (origin === '' || !isSize || bytes.length !== 32 || bytes.toString('base64') !== root) return undefined;
  if (extensions.includes('')) return undefined;
  return { origin, size: count, root: bytes, note, raw };
}

/** The notes of a file of checkpoints, without judging them. */
export function splitNotes(text: string): string[] {
  // A note is its text, an empty line, and its signatures; what follows them begins the next one.
  return text.match(/(?:[^\n]+\n)+\n(?:— [^\n]*\n)+/gu) ?? [];
}

/** A file of checkpoints, and what in it is none. */
export interface CheckpointFile {
  readonly checkpoints: Checkpoint[];
  /** Text that belongs to no checkpoint: from where on, as a line number from 1; undefined without any. */
  readonly badLine: number | undefined;
  /** That text is short enough to be a note that a crash has torn. */
  readonly isTorn: boolean;
  /** Bytes up to the end of the last checkpoint, with the empty line after it. */
  readonly end: number;
}

/** A note is shorter; what a writer cuts off is no more than that. */
const LONGEST_NOTE = 2000;

/** @throws AgentgovError (usage) when it cannot be read; undefined when there is none. */
export async function readCheckpoints(path: string): Promise<CheckpointFile | undefined> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (error instanceof TypeError) return { checkpoints: [], badLine: 1, isTorn: false, end: 0 };
    throw usageError(`cannot read the checkpoints ${path} (${codeOf(error)}): give a file that you may read`, error);
  }
  const checkpoints: Checkpoint[] = [];
  let at = 0;
  for (const raw of splitNotes(text)) {
    const start = text.indexOf(raw, at);
    const checkpoint = parseCheckpoint(raw);
    if (checkpoint === undefined || text.slice(at, start).trim() !== '') break;
    checkpoints.push(checkpoint);
    at = start + raw.length;
  }
  if (checkpoints.length > 0 && text[at] === '\n') at += 1;
  const rest = text.slice(at);
  const bad = rest.search(/\S/);
  const badLine = bad < 0 ? undefined : text.slice(0, at + bad).split('\n').length;
  return { checkpoints, badLine, isTorn: rest.length < LONGEST_NOTE, end: Buffer.byteLength(text.slice(0, at)) };
}
