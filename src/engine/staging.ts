// The staged roll-out of a session's policy: counts what rules are against, keeps the record of that between sessions, and has
// rules enforced that have proved quiet.
import { join } from 'node:path';
import type { AgentEvent } from '../events/index.js';
import { pathKit } from '../policy/index.js';
import {
  type Clock,
  type Move,
  Rollout,
  type RuleCount,
  readRecord,
  type Terms,
  type Watched,
  writeRecord,
} from '../rollout/index.js';

/** What a crash may cost the record. */
const SAVE_MS = 60_000;
/** Rules that have proved quiet are looked for so many times in the time that is asked for; at most this seldom and often. */
const LOOKS = 10;
const SELDOM_MS = 60_000;
const OFTEN_MS = 250;

const CLOCK: Clock = { ms: () => performance.now(), time: () => new Date().toISOString() };

export interface StagingHooks {
  /** Puts rules into mode enforce. @returns the names of those that are. */
  promote: (quiet: Watched[]) => Promise<string[]>;
  /** It is. */
  onMoved: (move: Move) => void;
  /** So many verdicts of a rule that somebody should look; at most once a minute and rule. */
  onFlood: (rule: string, action: 'WOULD_BLOCK' | 'BLOCKED') => void;
  /** Called once for each kind of problem: a sentence. */
  onProblem: (text: string) => void;
}

export interface StagingOptions {
  /** Where the agent's state lies. */
  folder: string;
  terms: Terms | undefined;
  /** The tier lets something through now and then. */
  leaky: boolean;
}

export class Staging {
  readonly #path: string;
  readonly #terms: Terms | undefined;
  readonly #rollout: Rollout;
  /** Why the record of earlier sessions does not count. */
  readonly #broken: string | undefined;
  readonly #told = new Set<string>();
  #hooks: StagingHooks | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #saved = CLOCK.ms();
  #work: Promise<void> = Promise.resolve();

  private constructor(path: string, terms: Terms | undefined, rollout: Rollout, broken?: string) {
    this.#path = path;
    this.#terms = terms;
    this.#rollout = rollout;
    this.#broken = broken;
  }

  /** Reads what earlier sessions of this agent knew. Where that cannot be read, each rule begins anew. */
  static async open({ folder, terms, leaky }: StagingOptions): Promise<Staging> {
    const path = join(folder, 'rollout.json');
    // What says which paths are sensitive is read now: it must not be missing when a rule is due.
    if (terms !== undefined) pathKit();
    const rollout = (kept: Awaited<ReturnType<typeof readRecord>>): Rollout =>
      new Rollout({ clock: CLOCK, terms, leaky, kept });
    try {
      return new Staging(path, terms, rollout(await readRecord(path)));
    } catch (error) {
      const why = `${path} ${(error as Error).message}: the time of each rule in audit mode begins anew.`;
      return new Staging(path, terms, rollout([]), why);
    }
  }

  /** Rules that have proved quiet in earlier sessions, by what they meant. */
  get promoted(): ReadonlyMap<string, string> {
    return this.#rollout.promoted;
  }

  /** What should be known of the policy in force, one sentence each. */
  get notes(): string[] {
    return [this.#broken, this.#rollout.untried].filter((note) => note !== undefined);
  }

  /** Hours in audit mode of the rule that has had the fewest. */
  get auditHours(): number | undefined {
    return this.#rollout.auditHours;
  }

  /** At most so many rules, those with the most verdicts first. */
  counts(limit: number): { rules: RuleCount[]; omitted: number } {
    return this.#rollout.counts(limit);
  }

  /** These are the rules in force, in their modes. */
  follow(rules: readonly Watched[]): void {
    this.#rollout.watch(rules);
  }

  /** Somebody has put this rule, or all, into audit mode: also one that is in it begins anew. To be told after follow(). */
  restart(rule?: string): void {
    this.#rollout.restart(rule);
  }

  verdict({ action, policy_rule: rule }: AgentEvent): void {
    if (action !== 'WOULD_BLOCK' && action !== 'BLOCKED') return;
    if (this.#rollout.verdict(String(rule), action)) this.#hooks?.onFlood(String(rule), action);
  }

  /** So many verdicts are missing, or were not reached. */
  lost(count: number): void {
    this.#rollout.lost(count);
  }

  /** Looks for rules that have proved quiet, from now on. */
  start(hooks: StagingHooks): void {
    this.#hooks = hooks;
    const { afterMs = SELDOM_MS * LOOKS } = this.#terms ?? {};
    const every = Math.min(SELDOM_MS, Math.max(OFTEN_MS, afterMs / LOOKS));
    this.#timer = setInterval(() => this.#look(), every).unref();
  }

  /** Moves nothing any more; verdicts still count. */
  stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  /** The last word of this session into the record; once the loader has gone, for whose answer nobody waits then. */
  async close(): Promise<void> {
    this.stop();
    await this.#work;
    if (this.#hooks !== undefined) await this.#save();
  }

  /** One at a time: who looks while the last look is not over sees the same. */
  #look(): void {
    this.#work = this.#work.then(async () => {
      const hasMoved = await this.#move();
      if (hasMoved || CLOCK.ms() - this.#saved >= SAVE_MS) await this.#save();
    });
  }

  async #move(): Promise<boolean> {
    const due = this.#rollout.due();
    if (due.length === 0) return false;
    try {
      const names = (await this.#hooks?.promote(due.map(({ rule }) => rule))) ?? [];
      this.#rollout.move(names);
      for (const move of due.filter(({ rule }) => names.includes(rule.name))) this.#hooks?.onMoved(move);
      return names.length > 0;
    } catch (error) {
      // What was on its way when the session ended is due again in the next one.
      if (!this.#isOver)
        this.#problem('move', `Rules that have proved quiet could not be enforced: ${(error as Error).message}`);
      return false;
    }
  }

  async #save(): Promise<void> {
    this.#saved = CLOCK.ms();
    try {
      await writeRecord(this.#path, this.#rollout.records());
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#problem(
        'save',
        `What rules have proved in audit mode cannot be kept in ${this.#path} (${code ?? message}).`,
      );
    }
  }

  #problem(kind: string, text: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#hooks?.onProblem(text);
  }
}
