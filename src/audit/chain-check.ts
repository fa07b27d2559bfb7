// Judges a log line by line. It keeps only where the chain stands, so the size of the log does not matter.
import { LF } from './blocks.js';
import { GENESIS, sha256, type Tip } from './chain.js';
import { type Finding, findingOf } from './findings.js';
import { type LeafRange, leafHash } from './merkle.js';
import { JsonError, type Members, readMembers, writeMembers } from './python-json.js';
import { nothingFound, scanLine } from './scan.js';

/** What is wrong with a line. `torn`: it is no JSON, as a line is that was cut. */
export interface Fault {
  readonly line: number;
  readonly reason: string;
  readonly torn: boolean;
}

const HASH_LENGTH = 64;

export class ChainCheck {
  /** Lines that hold so far. */
  events = 0;
  firstSeq: number | undefined;
  /** Events that the log itself says were lost: the sum of all `events_lost`. */
  lost = 0;
  readonly findings: Record<Finding, number> = { block: 0, 'would-block': 0, hold: 0, loss: 0, blind: 0 };
  /** The first line that is not in canonical form though its hashes hold. Whether that matters is the caller's. */
  formFault: Fault | undefined;

  #seq = 0;
  #hash = GENESIS;
  #unknownStart: boolean;
  /** `hash_self` of the log's first line, when it was among those checked. */
  firstHash: string | undefined;
  /** Lines that announce a checkpoint, by `seq`. */
  readonly announced: number[] = [];
  /** Set to grow the Merkle tree of the lines as well. */
  tree: LeafRange | undefined;
  /** Roots of the tree at the watched lines. */
  readonly #roots = new Map<number, Uint8Array>();
  readonly #watched = new Map<number, string | undefined>();
  readonly #found = nothingFound();

  /**
   * `start`: where the log stands before the first line; `midway`: that is not known, and the first line's `seq` and
   * `hash_prev` are taken as they are.
   */
  constructor(start: Tip | 'midway' = { count: 0, hash: GENESIS }) {
    this.#unknownStart = start === 'midway';
    if (start === 'midway') return;
    this.#seq = start.count;
    this.#hash = start.hash;
  }

  /** Lines whose hash will be asked for, by `seq`. */
  watch(seqs: ReadonlyArray<number | undefined>): void {
    for (const seq of seqs) {
      if (seq === undefined) continue;
      // The line before the first one is known from elsewhere.
      this.#watched.set(seq, seq > 0 && seq === this.#seq ? this.#hash : undefined);
      if (seq === this.#seq && this.tree) this.#roots.set(seq, this.tree.root());
    }
  }

  /** `hash_self` of a watched line; undefined when the log has not (or not yet) got that far. */
  readonly hashAt = (seq: number): string | undefined => this.#watched.get(seq);

  /** Root of the tree over the lines up to a watched one. */
  readonly rootAt = (seq: number): Uint8Array | undefined => this.#roots.get(seq);

  /** Where the chain stands behind the last line that holds; `count` is that line's `seq`. */
  get tip(): Tip {
    return { count: this.#seq, hash: this.#hash };
  }

  /** Checks whole lines, each with its LF, and stops at the first whose hashes do not hold. Overwrites `block`. */
  lines(block: Buffer): Fault | undefined {
    const found = this.#found;
    for (let at = 0; at < block.length; ) {
      if (scanLine(block, at, found)) {
        const reason = this.#scanned(block, at);
        if (reason !== undefined) return this.#fault(reason);
        at = found.end + 1;
      } else {
        const end = block.indexOf(LF, at);
        const fault = this.parsed(block.subarray(at, end));
        if (fault) return fault;
        at = end + 1;
      }
    }
    return undefined;
  }

  /** A canonical line that begins at `start`, with `#found` filled for it. */
  #scanned(block: Buffer, start: number): string | undefined {
    const found = this.#found;
    if (!this.#unknownStart) {
      if (found.seq !== this.#seq + 1) return `seq is ${found.seq}, not ${this.#seq + 1}`;
      if (!holds(block, found.prevAt, this.#hash)) return this.#wrongPrev();
    }
    const type = textOf(block, found.typeAt, found.typeEnd);
    const action = textOf(block, found.actionAt, found.actionEnd);
    const own = textOf(block, found.selfAt, found.selfAt + HASH_LENGTH);
    const leaf = this.tree && leafHash(block.subarray(start, found.end));
    // The hash leaves one stretch of the line out; closing the gap in place costs less than hashing two pieces.
    const gap = found.selfAt + HASH_LENGTH + 1 - found.selfCut;
    block.copyWithin(start + gap, start, found.selfCut);
    if (sha256(block.subarray(start + gap, found.end)) !== own) return WRONG_SELF;
    this.#advance(found.seq, own, leaf, type, action, found.count);
    return undefined;
  }

  /** A line of any form, without its LF. */
  parsed(line: Uint8Array): Fault | undefined {
    let text: string;
    try {
      text = UTF8.decode(line);
    } catch {
      return this.#fault('it is not valid UTF-8', true);
    }
    let members: Members | undefined;
    try {
      members = readMembers(text);
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      return this.#fault(text === '' ? 'it is empty' : `it is not JSON: ${error.message}`, true);
    }
    if (members === undefined) return this.#fault('it is JSON, but not an object');
    const reason = this.#members(members, text, this.tree && leafHash(line));
    return reason === undefined ? undefined : this.#fault(reason);
  }

  #members(members: Members, text: string, leaf: Uint8Array | undefined): string | undefined {
    const [seq, prev, own] = [members.get('seq'), members.get('hash_prev'), members.get('hash_self')];
    for (const [key, value] of Object.entries({ seq, hash_prev: prev, hash_self: own })) {
      if (value === undefined) return `${key} is missing`;
    }
    const number = this.#unknownStart ? safeInteger(seq) : this.#seq + 1;
    if (number === undefined) return `seq is ${short(seq)}, not a number of a line`;
    if (seq !== String(number)) return `seq is ${short(seq)}, not ${number}`;
    if (!this.#unknownStart && prev !== `"${this.#hash}"`) return this.#wrongPrev();
    const form = this.formFault ? undefined : formFault(writeMembers(members), text);
    members.delete('hash_self');
    const hash = sha256(writeMembers(members));
    if (own !== `"${hash}"`) return WRONG_SELF;
    if (form !== undefined) this.formFault = this.#fault(form);
    this.#advance(
      number,
      hash,
      leaf,
      plain(members, 'event_type'),
      plain(members, 'action'),
      safeInteger(members.get('count')),
    );
    return undefined;
  }

  #advance(seq: number, hash: string, leaf: Uint8Array | undefined, type: string, action: string, count = 0): void {
    this.events += 1;
    if (seq === 1) this.firstHash = hash;
    if (leaf !== undefined) this.tree?.add(leaf);
    if (type === 'checkpoint') this.announced.push(seq);
    this.firstSeq ??= seq;
    this.#seq = seq;
    this.#hash = hash;
    this.#unknownStart = false;
    if (this.#watched.has(seq)) {
      this.#watched.set(seq, hash);
      if (this.tree?.begin === 0) this.#roots.set(seq, this.tree.root());
    }
    const finding = findingOf(type, action);
    if (finding === undefined) return;
    this.findings[finding] += 1;
    // A loss without a usable count is still a loss.
    if (finding === 'loss') this.lost = Math.min(this.lost + Math.max(count, 1), Number.MAX_SAFE_INTEGER);
  }

  #wrongPrev(): string {
    return this.#seq === 0 && this.events === 0
      ? 'hash_prev is not 64 zeros: the log does not begin here'
      : 'hash_prev is not the hash_self of the line before';
  }

  #fault(reason: string, torn = false): Fault {
    return { line: this.events + 1, reason, torn };
  }
}

const WRONG_SELF = 'hash_self does not match the event';
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function holds(block: Buffer, at: number, hash: string): boolean {
  for (let index = 0; index < HASH_LENGTH; index += 1) {
    if (block[at + index] !== hash.charCodeAt(index)) return false;
  }
  return true;
}

const textOf = (block: Buffer, start: number, end: number): string => block.toString('latin1', start, end);

/** A string member without its quotes; empty when it is absent or of another kind. */
const plain = (members: Members, key: string): string => /^"(.*)"$/.exec(members.get(key) ?? '')?.[1] ?? '';

/** The positive safe integer that a canonical text is. */
function safeInteger(text: string | undefined): number | undefined {
  const number = Number(text);
  return text !== undefined && /^[1-9][0-9]*$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
}

/** A value out of the log for a message: canonical text is printable ASCII, so only its length needs care. */
const short = (text = ''): string => (text.length > 40 ? `${text.slice(0, 40)}...` : text);

function formFault(wanted: string, text: string): string | undefined {
  if (wanted === text) return undefined;
  let at = 0;
  while (at < text.length && text[at] === wanted[at]) at += 1;
  return `it is not in its canonical form from character ${at + 1} on`;
}
