// What each rule has been against since it is in its mode, how long it was watched in audit mode, and which rules have proved
// quiet. Nothing but arithmetic: time comes from a clock that is given, and whoever calls does what is said here.
import type { ClosingRule, Mode } from '../policy/index.js';
import type { RuleRecord } from './record.js';
import { spell } from './words.js';

export interface Clock {
  /** Milliseconds, steady; where the machine sleeps, nothing is watched, and they stand still. */
  ms(): number;
  /** Wall clock, ISO 8601. */
  time(): string;
}

/** When a rule goes from audit to enforce: after so long in audit mode with at most so many would-blocks. */
export interface Terms {
  readonly afterMs: number;
  readonly maxWouldBlock: number;
}

export interface Watched extends ClosingRule {
  readonly mode: Mode;
}

export interface RolloutOptions {
  readonly clock: Clock;
  /** Absent where no rule is moved. */
  readonly terms?: Terms | undefined;
  /** This tier lets something through now and then. */
  readonly leaky: boolean;
  /** What earlier sessions knew. */
  readonly kept: readonly RuleRecord[];
}

/** A rule that has proved quiet. */
export interface Move {
  readonly rule: Watched;
  readonly auditMs: number;
  readonly wouldBlocks: number;
  /** In words. */
  readonly why: string;
}

/** What `status` shows of a rule. Counts are since `since`. */
export interface RuleCount {
  rule: string;
  mode: Mode;
  since: string;
  would_block: number;
  blocked: number;
  /** Verdicts were lost meanwhile, of this rule or others: the counts may be too low. */
  at_least?: true;
  first?: string;
  last?: string;
  /** In audit mode with agentgov watching, in all. */
  audit_seconds: number;
  /** It is enforced because it proved quiet. */
  promoted?: true;
  /** What must come before it is enforced, in words; absent where rules are not moved, or it is enforced. */
  waits?: string;
}

/** A policy is trusted after so long in audit mode. */
const TRIED_MS = 48 * 3_600_000;
/** More verdicts of one rule within a minute are a flood. */
const FLOOD = 100;
const FLOOD_WINDOW_MS = 60_000;

interface Entry {
  record: RuleRecord;
  readonly rule: Watched;
  /** From when on time in audit mode is not in the record yet. */
  from: number;
  /** Verdicts of the minute that began then. */
  minute: number;
  inMinute: number;
}

export class Rollout {
  readonly #options: RolloutOptions;
  /** Of rules that are not in force yet: what an earlier session knew. */
  #kept: Map<string, RuleRecord>;
  #entries = new Map<string, Entry>();

  constructor(options: RolloutOptions) {
    this.#options = options;
    this.#kept = new Map(options.kept.map((record) => [record.rule, record]));
  }

  /** Rules that earlier sessions have moved to enforce, with what they meant. Without terms, modes are as they are written. */
  get promoted(): Map<string, string> {
    const moved = [...this.#kept.values()].filter(({ promoted }) => promoted);
    return new Map(this.#options.terms === undefined ? [] : moved.map(({ rule, meaning }) => [rule, meaning]));
  }

  /** These rules, in these modes, are in force from now on. One of another meaning, or in another mode than before, begins anew. */
  watch(rules: readonly Watched[]): void {
    this.#settle();
    const now = this.#options.clock.ms();
    const entries = rules.map((rule): [string, Entry] => {
      const old = this.#entries.get(rule.name);
      const known = old?.record ?? this.#kept.get(rule.name);
      const record = this.#recordOf(rule, known?.meaning === rule.meaning ? known : undefined);
      const { minute, inMinute } = old ?? { minute: now, inMinute: 0 };
      return [rule.name, { record, rule, from: now, minute, inMinute }];
    });
    this.#entries = new Map(entries);
    this.#kept = new Map();
  }

  /** Somebody has put this rule, or all, into audit mode, whatever it was in before: what it proved until then is over. */
  restart(name?: string): void {
    this.#settle();
    for (const entry of name === undefined ? this.#entries.values() : [this.#entries.get(name)])
      if (entry?.record.mode === 'audit') entry.record = this.#fresh(entry.rule, entry.record.audit_ms);
  }

  /** These have been put into mode enforce because they proved quiet; to be told after watch(). */
  move(names: readonly string[]): void {
    for (const name of names) {
      const record = this.#entries.get(name)?.record;
      if (record?.mode === 'enforce') record.promoted = true;
    }
  }

  /** A verdict of a rule. @returns true when a flood of them has begun, at most once a minute and rule. */
  verdict(name: string, action: 'WOULD_BLOCK' | 'BLOCKED'): boolean {
    const entry = this.#entries.get(name);
    // Of a policy that is no longer in force, or of what is enforced in each mode.
    if (entry === undefined) return false;
    const { record } = entry;
    if (action === 'BLOCKED') record.blocked += 1;
    else record.would_block += 1;
    record.last = this.#options.clock.time();
    record.first ??= record.last;
    const now = this.#options.clock.ms();
    if (now - entry.minute >= FLOOD_WINDOW_MS) {
      entry.minute = now;
      entry.inMinute = 0;
    }
    entry.inMinute += 1;
    return entry.inMinute === FLOOD + 1;
  }

  /** So many verdicts are missing, and nobody knows of which rules. */
  lost(count: number): void {
    for (const { record } of this.#entries.values()) record.lost += count;
  }

  /** Rules that have proved quiet. */
  due(): Move[] {
    const { terms } = this.#options;
    if (terms === undefined) return [];
    this.#settle();
    return [...this.#entries.values()].flatMap(({ rule, record }) => {
      if (record.mode !== 'audit' || record.trial_ms < terms.afterMs || this.#against(rule, record) !== undefined)
        return [];
      const { trial_ms: auditMs, would_block: wouldBlocks } = record;
      const why = `it proved quiet: ${spell(auditMs)} in audit mode (${spell(terms.afterMs)} asked for) with ${wouldBlocks} would-blocks (at most ${terms.maxWouldBlock})`;
      return [{ rule, auditMs, wouldBlocks, why }];
    });
  }

  /** Hours in audit mode of the rule that has had the fewest; undefined where no rule can be against anything. */
  get auditHours(): number | undefined {
    this.#settle();
    const all = [...this.#entries.values()].map(({ record }) => record.audit_ms);
    return all.length === 0 ? undefined : Math.floor(all.reduce((a, b) => Math.min(a, b)) / 3_600_000);
  }

  /** One line where rules are enforced that nobody has watched in audit mode for long enough. */
  get untried(): string | undefined {
    this.#settle();
    const records = [...this.#entries.values()].map(({ record }) => record);
    // Those that proved quiet for as long as was asked for are what somebody has asked for.
    const rash = records.filter(({ mode, promoted, audit_ms: ms }) => mode === 'enforce' && !promoted && ms < TRIED_MS);
    const [first] = rash;
    if (first === undefined) return undefined;
    const least = rash.reduce((a, b) => (b.audit_ms < a.audit_ms ? b : a));
    const which = rash.length === 1 ? `rule ${least.rule}` : `${rash.length} rules, ${least.rule} among them`;
    return `Enforced without having been in audit mode for 48 h: ${which} (${spell(least.audit_ms)}).`;
  }

  /** At most so many rules, those with the most verdicts first. */
  counts(limit: number): { rules: RuleCount[]; omitted: number } {
    this.#settle();
    const verdicts = ({ record }: Entry): number => record.would_block + record.blocked;
    const sorted = [...this.#entries.values()].sort((a, b) => verdicts(b) - verdicts(a));
    return {
      rules: sorted.slice(0, limit).map((entry) => this.#countOf(entry)),
      omitted: Math.max(0, sorted.length - limit),
    };
  }

  /** What the next session is to know. */
  records(): RuleRecord[] {
    this.#settle();
    return [...this.#entries.values()].map(({ record }) => record);
  }

  #countOf({ rule, record }: Entry): RuleCount {
    const { would_block, blocked, mode, since, first, last, lost, promoted, audit_ms } = record;
    const waits = this.#waits(rule, record);
    return {
      rule: rule.name,
      mode,
      since,
      would_block,
      blocked,
      ...(lost === 0 ? {} : { at_least: true }),
      ...(first === undefined ? {} : { first }),
      ...(last === undefined ? {} : { last }),
      audit_seconds: Math.floor(audit_ms / 1000),
      ...(promoted ? { promoted: true } : {}),
      ...(waits === undefined ? {} : { waits }),
    };
  }

  #waits(rule: Watched, record: RuleRecord): string | undefined {
    const { terms } = this.#options;
    if (terms === undefined || record.mode === 'enforce') return undefined;
    const against = this.#against(rule, record);
    if (against !== undefined) return `somebody's word, for ${against}`;
    return `${spell(Math.max(0, terms.afterMs - record.trial_ms))} more in audit mode`;
  }

  /** Why a rule is not moved, however long it waits. */
  #against({ sensitive }: Watched, { would_block: count, lost, leaky }: RuleRecord): string | undefined {
    const max = this.#options.terms?.maxWouldBlock ?? 0;
    if (count > max) return `it had ${count} would-blocks (at most ${max})`;
    if (lost > 0) return `${lost} verdicts were lost`;
    if (leaky) return 'tier hook was not airtight on this kernel';
    const kit = sensitive();
    return kit === undefined ? undefined : `it is over sensitive paths (${kit})`;
  }

  /** The record of a rule that is in force from now on. */
  #recordOf(rule: Watched, known: RuleRecord | undefined): RuleRecord {
    const { mode } = rule;
    const { leaky } = this.#options;
    if (known?.mode === mode) return { ...known, leaky: known.leaky || (leaky && mode === 'audit') };
    return this.#fresh(rule, known?.audit_ms ?? 0);
  }

  #fresh({ name, meaning, mode }: Watched, auditMs: number): RuleRecord {
    return {
      rule: name,
      meaning,
      mode,
      since: this.#options.clock.time(),
      would_block: 0,
      blocked: 0,
      lost: 0,
      trial_ms: 0,
      leaky: this.#options.leaky && mode === 'audit',
      audit_ms: auditMs,
      promoted: false,
    };
  }

  /** Takes the time that has gone by into the records. */
  #settle(): void {
    const now = this.#options.clock.ms();
    for (const entry of this.#entries.values()) {
      const { record } = entry;
      const gone = Math.floor(now - entry.from);
      if (record.mode === 'audit') {
        record.trial_ms += gone;
        record.audit_ms += gone;
      }
      // Not now: what is less than a millisecond is not lost.
      entry.from += gone;
    }
  }
}
