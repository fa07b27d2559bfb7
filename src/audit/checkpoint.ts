// Checkpoints (c2sp.org/tlog-checkpoint): signed statements about the first N lines of a log, kept in
// AUDIT.checkpoints one behind the other, with an empty line after each.
//
// The origin names the log by the hash of its first line, so a checkpoint of another log, or of this one rewritten from
// its first line on, never fits. The log announces each checkpoint before it is made, by a `checkpoint` record in its
// last line, so one that is missing shows.
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

/** The notes of a text, without judging them, up to where something else stands. */
export interface Notes {
  /** `end`: behind the note and the empty line that follows it, in characters of the text. */
  readonly notes: ReadonlyArray<{ readonly raw: string; readonly end: number }>;
  /** Something stands there that no further line makes a note of. */
  readonly isBroken: boolean;
}

/** A note is its text, an empty line, and its signatures; without `isEnd` more of the last one's may follow. */
export function takeNotes(text: string, isEnd: boolean): Notes {
  const notes: Array<{ raw: string; end: number }> = [];
  let part: 'none' | 'text' | 'blank' | 'signatures' = 'none';
  let start = 0;
  let at = 0;
  for (let next = text.indexOf('\n'); next >= 0; next = text.indexOf('\n', at)) {
    const isBlank = next === at;
    const isSignature = text.startsWith('— ', at);
    if (part === 'blank' && !isSignature) return { notes, isBroken: true };
    if (part === 'signatures' && !isSignature) {
      notes.push({ raw: text.slice(start, at), end: isBlank ? at + 1 : at });
      part = 'none';
    }
    if (part === 'blank') part = 'signatures';
    else if (part === 'text' && isBlank) part = 'blank';
    else if (part === 'none' && !isBlank) {
      part = 'text';
      start = at;
    }
    at = next + 1;
  }
  if (isEnd && part === 'signatures') notes.push({ raw: text.slice(start, at), end: at });
  return { notes, isBroken: false };
}

export const splitNotes = (text: string): string[] => takeNotes(text, true).notes.map(({ raw }) => raw);
