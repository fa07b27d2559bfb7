// At most one alert a minute and rule; what comes meanwhile is counted.
import type { AgentEvent } from '../events/index.js';

const MINUTE_MS = 60_000;

/** Of one rule, since it was last told of. */
interface Held {
  count: number;
  /** The first that was held back. */
  event: AgentEvent | undefined;
  timer: NodeJS.Timeout;
}

export class Fold {
  readonly #held = new Map<string, Held>();

  /** `send` is given an event and how many it stands for. */
  constructor(private readonly send: (event: AgentEvent, count: number) => void) {}

  /** The first one at once, the others when the minute is over. */
  add(event: AgentEvent): void {
    // That a rule is flooded is another matter than what it is against.
    const key = `${event.event_type === 'rule_flood'} ${event.policy_rule}`;
    const held = this.#held.get(key);
    if (held !== undefined) {
      held.count += 1;
      held.event ??= event;
      return;
    }
    this.#wait(key);
    this.send(event, 1);
  }

  /** What is held back is sent now. */
  close(): void {
    for (const { timer, count, event } of this.#held.values()) {
      clearTimeout(timer);
      if (event !== undefined) this.send(event, count);
    }
    this.#held.clear();
  }

  #wait(key: string): void {
    const timer = setTimeout(() => this.#release(key), MINUTE_MS).unref();
    this.#held.set(key, { count: 0, event: undefined, timer });
  }

  #release(key: string): void {
    const { count = 0, event } = this.#held.get(key) ?? {};
    this.#held.delete(key);
    if (event === undefined) return;
    this.#wait(key);
    this.send(event, count);
  }
}
