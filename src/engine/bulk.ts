import { mayHoldSecret } from '../events/index.js';

/**
 * Types that come in bulk, and need nothing but their place in the log, unless a name in them looks like a secret. All
 * others are parsed: they get names for addresses, and their words are searched for secrets. True: may carry `value`,
 * which stands at the end of the line.
 */
const BULK = new Map([
  ['file_open', false],
  ['file_create', true],
  ['file_delete', false],
  ['file_truncate', true],
  ['file_attr', true],
  ['process_fork', false],
  ['process_exit', false],
]);

// None of these can stand inside a JSON string, where each quote has a backslash before it. They begin with a letter,
// not with the quote before it, because the search for the first character of a text stops at each quote of a line.
const OBSERVED = 'action": "OBSERVED"';
const TYPE = 'event_type": "';
const HASH = 'hash_prev": ';
const PID = 'pid": ';
const UID = 'uid": ';

/** The beginning of a line, up to `hash_prev`: who did what kind of thing. */
interface Head {
  readonly text: string;
  readonly hasValue: boolean;
}

/** Heads of this many different lines are remembered, the last used first. */
const HEADS = 8;

/**
 * Tells which lines of the loader can go into the log as they are.
 *
 * It is asked a hundred thousand times a second, so it looks at no more of a line than it must. Keys are sorted: what
 * the agent chooses the text of stands before `hash_prev` (comm, exe), between that and `pid` (path), or behind `uid`
 * (value). The first part is nearly always one that has just been seen and found harmless.
 */
export class BulkFilter {
  readonly #heads: Head[] = [];

  isBulk(line: string): boolean {
    const head = this.#known(line) ?? this.#learn(line);
    if (head === undefined) return false;
    const from = head.text.length;
    const pid = line.indexOf(PID, from);
    if (pid < 0 || mayHoldSecret(line.slice(from, pid))) return false;
    return !head.hasValue || !mayHoldSecret(line.slice(line.indexOf(UID, pid)));
  }

  #known(line: string): Head | undefined {
    const heads = this.#heads;
    for (let at = 0; at < heads.length; at++) {
      const head = heads[at] as Head;
      // Cut and compared: several times faster than startsWith.
      if (line.slice(0, head.text.length) !== head.text) continue;
      if (at > 0) {
        heads.splice(at, 1);
        heads.unshift(head);
      }
      return head;
    }
    return undefined;
  }

  #learn(line: string): Head | undefined {
    const end = line.indexOf(HASH);
    // A copy of its own: a slice would keep the whole chunk that it was cut from.
    const text = Buffer.from(line.slice(0, end), 'latin1').toString('latin1');
    const at = text.indexOf(TYPE) + TYPE.length;
    const hasValue = BULK.get(text.slice(at, text.indexOf('"', at)));
    if (end < 0 || hasValue === undefined || !text.includes(OBSERVED) || mayHoldSecret(text)) return undefined;
    const head = { text, hasValue };
    this.#heads.unshift(head);
    if (this.#heads.length > HEADS) this.#heads.pop();
    return head;
  }
}
