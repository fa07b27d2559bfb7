import type { AgentEvent } from '../../events/index.js';
import type { Engine, Subject, Verdict } from './engine.js';
import { parseRate, Rate } from './rate.js';
import { Subjects } from './subjects.js';

/** How many operations an event stands for: one, or the further ones that it counts. */
export const operationsIn = (event: AgentEvent): number =>
  typeof event.count === 'number' && event.count > 0 ? event.count : 1;

/** When, in microseconds: of the kernel's clock, which does not jump; else of the wall's. */
function timeOf(event: AgentEvent): number {
  if (typeof event.ts_us === 'number') return event.ts_us;
  const wall = typeof event.timestamp === 'string' ? Date.parse(event.timestamp) : Number.NaN;
  return Number.isNaN(wall) ? 0 : wall * 1000;
}

/** A policy along a stream of events: the engine, and what only a stream knows (who runs what, how often). */
export class PolicyRun {
  readonly #subjects = new Subjects();
  readonly #rates = new Map<number, Rate>();
  #boot: unknown;

  constructor(readonly engine: Engine) {
    for (const [index, { max }] of engine.policy.document.policies.entries()) {
      if (max === undefined) continue;
      this.#rates.set(index, new Rate(parseRate(max)));
    }
  }

  /** Events in their order. @returns undefined for an event that is no operation. */
  decide(event: AgentEvent, subject = this.subjectOf(event)): Verdict | undefined {
    if (event.event_type === 'session_start') this.#restart(event.boot_id);
    const verdict = this.engine.decide(event, subject);
    this.#subjects.learn(event);
    return verdict === undefined ? undefined : this.#rated(verdict, event);
  }

  /** Who acts, as far as the stream has shown it up to now. */
  subjectOf(event: AgentEvent): Subject {
    return this.#subjects.of(event);
  }

  #rated(verdict: Verdict, event: AgentEvent): Verdict {
    const rate = verdict.rule === undefined ? undefined : this.#rates.get(verdict.rule);
    if (rate === undefined) return verdict;
    const count = operationsIn(event);
    if (rate.admit(timeOf(event), count) === count) return verdict;
    return this.engine.exceeded(verdict);
  }

  #restart(boot: unknown): void {
    if (boot !== this.#boot) for (const rate of this.#rates.values()) rate.reset();
    this.#boot = boot;
  }
}
