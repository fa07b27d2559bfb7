// Judges a log line by line. It keeps only where the chain stands, so the size of the log does not matter.
import { LF } from './blocks.js';
import { GENESIS, sha256, type Tip } from './chain.js';
import { COVERAGE, FINDINGS, type Finding, findingOf } from './findings.js';
import { LeafRange, type Packed, packedLeaf } from './merkle.js';
import { removalName } from './pruned-event.js';
import { JsonError, type Members, readMembers, writeMembers } from './python-json.js';
import { HASH_LENGTH, nothingFound, SELF_CUT, SELF_HEAD } from './scan.js';
import { type Bytes, bytesOf } from './scan-value.js';
import { SignedLines } from './signed-lines.js';
import { Templates } from './templates.js';

/** What is wrong with a line. `torn`: it is no JSON, as a line is that was cut. */
export interface Fault {
  readonly line: number;
  readonly reason: string;
  readonly torn: boolean;
}

/** What is known of a log before its lines are read; it can be sent between threads. */
export interface Expected {
  /** Lines whose hash will be asked for, by `seq`. */
  readonly watched: Set<number>;
  /** Lines up to which there is a checkpoint, ascending. */
  readonly signed: Float64Array;
  /** Files that somebody has recorded as removed, by `removalName`. */
  readonly removed: ReadonlySet<string>;
}

const nothingExpected = (): Expected => ({ watched: new Set(), signed: new Float64Array(), removed: new Set() });

/** What a check of some lines in the middle of a log has found, all of which hold; it can be sent between threads. */
export interface LinesReport {
  /** `seq` and `hash_prev` of the first line. */
  readonly firstSeq: number;
  readonly firstPrev: string;
  readonly events: number;
  readonly tip: Tip;
  readonly lost: number;
  readonly findings: Record<Finding, number>;
  readonly unsigned: number | undefined;
  readonly told: ReadonlySet<string>;
  readonly firstHash: string | undefined;
  /** Counted from the first of these lines. */
  readonly formFault: Fault | undefined;
  readonly hashes: ReadonlyArray<readonly [seq: number, hash: string]>;
  /** The leaves of these lines; and of those up to each signed line. */
  readonly leaves: readonly string[] | undefined;
  readonly leavesAt: ReadonlyArray<readonly [seq: number, leaves: readonly string[]]>;
}

/**
 * Checks whole lines without knowing what came before them; undefined when one does not hold, or there is none.
 * Overwrites `lines`; `templates` may be used again.
 */
export function reportOnLines(
  lines: Buffer,
  expected: Expected,
  wantsTree: boolean,
  templates: Templates,
): LinesReport | undefined {
  const check = new ChainCheck('midway', expected, templates);
  check.wantsTree = wantsTree;
  return check.lines(lines) === undefined ? check.report() : undefined;
}

export class ChainCheck {
  /** Lines that hold so far. */
  events = 0;
  firstSeq: number | undefined;
  /** Events that the log itself says were lost: the sum of all `events_lost`. */
  lost = 0;
  readonly findings: Record<Finding, number> = { block: 0, 'would-block': 0, hold: 0, loss: 0, blind: 0 };
  /** The first line that is not in canonical form though its hashes hold. Whether that matters is the caller's. */
  formFault: Fault | undefined;

  /** Set to begin a tree with the first line, whichever that is. */
  wantsTree = false;
  readonly #leavesAt: Array<readonly [number, readonly string[]]> = [];
  #firstPrev: string | undefined;
  #seq = 0;
  #hash = GENESIS;
  #unknownStart: boolean;
  /** `hash_self` of the log's first line, when it was among those checked. */
  firstHash: string | undefined;
  /** The first line that announces a checkpoint which is not there. One is enough: there may be as many as lines. */
  unsigned: number | undefined;
  /** Those of the removed files that the log tells of. */
  readonly told = new Set<string>();
  /** The Merkle tree of the lines, if it is wanted. */
  tree: LeafRange | undefined;
  readonly #signed: SignedLines;
  /** What is known of the watched lines. */
  readonly #watched = new Map<number, string | undefined>();
  readonly #found = nothingFound();
  readonly #templates: Templates;

  /**
   * `start`: where the log stands before the first line; `midway`: that is not known, and the first line's `seq` and
   * `hash_prev` are taken as they are.
   */
  constructor(
    start: Tip | 'midway' = { count: 0, hash: GENESIS },
    readonly expected: Expected = nothingExpected(),
    templates = new Templates(),
  ) {
    this.#templates = templates;
    this.#signed = new SignedLines(expected.signed);
    this.#unknownStart = start === 'midway';
    if (start === 'midway') return;
    this.#seq = start.count;
    this.#hash = start.hash;
  }

  /** Grows the Merkle tree of the lines as well; `before`: that of the lines before the first. */
  growTree(before: LeafRange): void {
    this.tree = before;
    this.#signed.keepRoot(this.#seq, before.root());
  }

  /** Lines whose hash will be asked for, by `seq`. */
  watch(seqs: ReadonlyArray<number | undefined>): void {
    for (const seq of seqs) {
      if (seq === undefined) continue;
      this.expected.watched.add(seq);
      // The line before the first one is known from elsewhere.
      this.#watched.set(seq, seq > 0 && seq === this.#seq ? this.#hash : undefined);
    }
  }

  /** What the lines checked so far come to, for `absorb`; undefined when there are none. */
  report(): LinesReport | undefined {
    const { events, tip, lost, findings, unsigned, told, firstHash, formFault, firstSeq } = this;
    const firstPrev = this.#firstPrev;
    if (firstSeq === undefined || firstPrev === undefined) return undefined;
    const hashes = [...this.#watched].flatMap(([seq, hash]) => (hash === undefined ? [] : [[seq, hash] as const]));
    return {
      firstSeq,
      firstPrev,
      events,
      tip,
      lost,
      findings,
      unsigned,
      told,
      firstHash,
      formFault,
      hashes,
      leaves: this.tree?.toHex(),
      leavesAt: this.#leavesAt,
    };
  }

  /** Goes on behind lines that were checked elsewhere; false, and nothing is changed, when they do not follow. */
  absorb(report: LinesReport): boolean {
    const { firstSeq, firstPrev } = report;
    if (firstSeq !== this.#seq + 1 || firstPrev !== this.#hash) return false;
    for (const [seq, leaves] of report.leavesAt) this.#keepRoot(seq, firstSeq - 1, leaves);
    if (report.leaves) this.tree?.append(leavesOf(firstSeq - 1, report.tip.count, report.leaves));
    for (const [seq, hash] of report.hashes) this.#watched.set(seq, hash);
    for (const finding of FINDINGS) this.findings[finding] += report.findings[finding];
    this.formFault ??= report.formFault && { ...report.formFault, line: this.events + report.formFault.line };
    this.events += report.events;
    this.firstSeq ??= firstSeq;
    this.firstHash ??= report.firstHash;
    this.lost = Math.min(this.lost + report.lost, Number.MAX_SAFE_INTEGER);
    this.unsigned ??= report.unsigned;
    for (const name of report.told) this.told.add(name);
    this.#seq = report.tip.count;
    this.#hash = report.tip.hash;
    return true;
  }

  /** The root over the lines so far and some that follow, from `begin` on. */
  #keepRoot(seq: number, begin: number, leaves: readonly string[]): void {
    if (this.tree === undefined) return;
    const range = this.tree.copy();
    range.append(leavesOf(begin, seq, leaves));
    this.#signed.keepRoot(seq, range.root());
  }

  /** `hash_self` of a watched line; undefined when the log has not (or not yet) got that far. */
  readonly hashAt = (seq: number): string | undefined => this.#watched.get(seq);

  /** Root of the tree over the lines up to a signed one. */
  readonly rootAt = (seq: number): Uint8Array | undefined => this.#signed.rootAt(seq);

  /** Where the chain stands behind the last line that holds; `count` is that line's `seq`. */
  get tip(): Tip {
    return { count: this.#seq, hash: this.#hash };
  }

  /** Checks whole lines, each with its LF, and stops at the first whose hashes do not hold. Overwrites `block`. */
  lines(block: Buffer): Fault | undefined {
    const bytes = bytesOf(block);
    for (let at = 0; at < block.length; ) {
      if (this.#scanned(bytes, at)) {
        at = this.#found.end + 1;
      } else {
        const end = block.indexOf(LF, at);
        const fault = this.parsed(block.subarray(at, end));
        if (fault) return fault;
        at = end + 1;
      }
    }
    return undefined;
  }

  /** True when a line begins at `start` that certainly holds and is canonical. What is wrong is not for this to say. */
  #scanned(bytes: Bytes, start: number): boolean {
    const found = this.#found;
    if (!this.#templates.scan(bytes, start, found) || READ_WHOLE.has(found.type)) return false;
    const block = bytes.each;
    const prev = block.toString('latin1', found.prevAt, found.prevAt + HASH_LENGTH);
    if (this.#unknownStart) this.#begin(found.seq, prev);
    else if (found.seq !== this.#seq + 1 || prev !== this.#hash) return false;
    const own = block.toString('latin1', found.selfAt, found.selfAt + HASH_LENGTH);
    const leaf = this.tree && packedLeaf(block.subarray(start, found.end));
    // The hash leaves one stretch of the line out; closing the gap in place costs less than hashing two pieces.
    const cut = found.selfAt - SELF_HEAD;
    block.copyWithin(start + SELF_CUT, start, cut);
    if (sha256(block.subarray(start + SELF_CUT, found.end)) !== own) {
      block.copyWithin(start, start + SELF_CUT, cut + SELF_CUT);
      block.write(`, "hash_self": "${own}"`, cut, 'latin1');
      return false;
    }
    this.#advance(found.seq, own, leaf, found.type, findingOf(found.type, found.action, undefined), found.count);
    return true;
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
    const reason = this.#members(members, text, line);
    return reason === undefined ? undefined : this.#fault(reason);
  }

  #members(members: Members, text: string, line: Uint8Array): string | undefined {
    const [seq, prev, own] = [members.get('seq'), members.get('hash_prev'), members.get('hash_self')];
    for (const [key, value] of Object.entries({ seq, hash_prev: prev, hash_self: own })) {
      if (value === undefined) return `${key} is missing`;
    }
    const number = this.#unknownStart ? safeInteger(seq) : this.#seq + 1;
    if (number === undefined) return `seq is ${short(seq)}, not a number of a line`;
    if (seq !== String(number)) return `seq is ${short(seq)}, not ${number}`;
    if (!this.#unknownStart && prev !== `"${this.#hash}"`) return this.#wrongPrev();
    if (this.#unknownStart) this.#begin(number, (prev ?? '').slice(1, -1));
    const form = this.formFault ? undefined : formFault(writeMembers(members), text);
    members.delete('hash_self');
    const hash = sha256(writeMembers(members));
    if (own !== `"${hash}"`) return WRONG_SELF;
    if (form !== undefined) this.formFault = this.#fault(form);
    const type = plain(members, 'event_type');
    if (type === PRUNED) this.#tell(members);
    this.#advance(
      number,
      hash,
      this.tree && packedLeaf(line),
      type,
      findingOf(type, plain(members, 'action'), plain(members, 'coverage')),
      safeInteger(members.get('count')),
    );
    return undefined;
  }

  /** In the middle of a log: the first line says where that is. */
  #begin(seq: number, prev: string): void {
    this.#firstPrev = prev;
    if (this.wantsTree) this.tree = new LeafRange(seq - 1);
  }

  #advance(
    seq: number,
    hash: string,
    leaf: Packed | undefined,
    type: string,
    finding: Finding | undefined,
    count = 0,
  ): void {
    this.events += 1;
    if (seq === 1) this.firstHash = hash;
    if (leaf !== undefined) this.tree?.add(leaf);
    const isSigned = this.#signed.has(seq);
    if (type === 'checkpoint' && !isSigned) this.unsigned ??= seq;
    this.firstSeq ??= seq;
    this.#seq = seq;
    this.#hash = hash;
    this.#unknownStart = false;
    if (this.expected.watched.has(seq)) this.#watched.set(seq, hash);
    if (isSigned && this.tree) {
      if (this.wantsTree) this.#leavesAt.push([seq, this.tree.toHex()]);
      if (this.tree.begin === 0) this.#signed.keepRoot(seq, this.tree.root());
    }
    if (finding === undefined) return;
    this.findings[finding] += 1;
    // A loss without a usable count is still a loss.
    if (finding === 'loss') this.lost = Math.min(this.lost + Math.max(count, 1), Number.MAX_SAFE_INTEGER);
  }

  /** A removal that nobody expects is not kept. */
  #tell(members: Members): void {
    const path = members.get('path');
    if (!path?.startsWith('"')) return;
    const name = removalName(JSON.parse(path), members.get('first_seq') ?? '', members.get('last_seq') ?? '');
    if (this.expected.removed.has(name)) this.told.add(name);
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

function leavesOf(begin: number, end: number, hashes: readonly string[]): LeafRange {
  const range = LeafRange.from(begin, end, hashes);
  if (range === undefined) throw new Error('another thread has counted other leaves');
  return range;
}

/** The type of the lines that tell of removed files; only the slow path looks into them. */
const PRUNED = 'log_pruned';
/** Types of which more is asked than the fast half finds. */
const READ_WHOLE = new Set([PRUNED, COVERAGE]);
const WRONG_SELF = 'hash_self does not match the event';
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

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
