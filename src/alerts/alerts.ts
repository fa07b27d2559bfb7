import { type Goods, Pusher } from '../delivery/index.js';
import type { AgentEvent } from '../events/index.js';
import type { Sink } from '../policy/index.js';
import { Fold } from './fold.js';
import { placeOf } from './sinks.js';
import { alertText } from './text.js';

const ALERTS: Goods = { name: 'alerts', rest: 'their events are in the log' };

/** Tells the places of a policy. Nobody waits for them but the end of the session, and that for five seconds. */
export class Alerts {
  #sinks = '[]';
  #pushers: Pusher[] = [];
  /** To places of an earlier policy, with what they still get. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #fold = new Fold((event, count) => this.#send(alertText(event, count)));

  /** `say`: told when a place does not take them, and when it does again. */
  constructor(private readonly say: (text: string) => void) {}

  /** From now on these are told. What waits for others is not given up: they get it as at the end of a session. */
  follow(sinks: readonly Sink[]): void {
    const text = JSON.stringify(sinks);
    if (text === this.#sinks) return;
    const before = this.#pushers;
    this.#sinks = text;
    this.#pushers = sinks.map((sink) => new Pusher(placeOf(sink), ALERTS, this.say));
    for (const pusher of before) {
      const left = pusher.close().finally(() => this.#leaving.delete(left));
      this.#leaving.add(left);
    }
  }

  /** An event as it stands in the log. */
  tell(event: AgentEvent): void {
    if (this.#pushers.length > 0) this.#fold.add(event);
  }

  async close(patienceMs?: number): Promise<void> {
    this.#fold.close();
    await Promise.all([...this.#leaving, ...this.#pushers.map((pusher) => pusher.close(patienceMs))]);
  }

  #send(text: string): void {
    for (const pusher of this.#pushers) pusher.push(text);
  }
}
