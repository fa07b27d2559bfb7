// Takes things to another place as they are made. The log never waits for it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './place.js';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** What may wait; the oldest go first. */
const MOST_WAITING = 1000;
/** That a place takes nothing is said no more often. */
const SAY_MS = 60_000;
/** How long the end of a session may wait for a place. */
const PATIENCE_MS = 5000;

/** What is taken there, as it is called, and what became of what did not get there. */
export interface Goods {
  readonly name: string;
  readonly rest: string;
}

/** Notes of some 300 bytes. The newest speaks for all before it. */
export const CHECKPOINTS: Goods = { name: 'checkpoints', rest: 'they are beside the log' };

export class Pusher {
  readonly #waiting: string[] = [];
  #running: Promise<void> | undefined;
  #dropped = 0;
  /** When it was last said that the place takes nothing, and whether it is left to be said that it does again. */
  #said = Number.NEGATIVE_INFINITY;
  #owesAllClear = false;
  readonly #end = new AbortController();

  /** `say`: told when the place does not take them, and when it does again. */
  constructor(
    private readonly place: Place,
    private readonly goods: Goods,
    private readonly say: (text: string) => void,
  ) {}

  push(text: string): void {
    this.#waiting.push(text);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting.splice(0, 1);
      if (this.#dropped === 0)
        this.say(
          `${this.place.name} is slower than ${this.goods.name} come: beyond ${MOST_WAITING} the oldest are given up.`,
        );
      this.#dropped += 1;
    }
    this.#running ??= this.#work();
  }

  async #work(): Promise<void> {
    let wait = FIRST_WAIT_MS;
    for (let text = this.#waiting[0]; text !== undefined && !this.#end.signal.aborted; text = this.#waiting[0]) {
      try {
        await this.place.deliver(text);
        // It may have been dropped meanwhile.
        if (this.#waiting[0] === text) this.#waiting.shift();
        if (this.#owesAllClear) this.say(`${this.place.name} takes ${this.goods.name} again.`);
        this.#owesAllClear = false;
        wait = FIRST_WAIT_MS;
      } catch (error) {
        if (this.#end.signal.aborted) break;
        this.#complain(error as Error);
        await sleep(wait, undefined, { signal: this.#end.signal, ref: false }).catch(() => {});
        wait = Math.min(2 * wait, LONGEST_WAIT_MS);
      }
    }
    this.#running = undefined;
  }

  #complain({ message }: Error): void {
    const now = performance.now();
    if (this.#owesAllClear || now - this.#said < SAY_MS) return;
    this.#said = now;
    this.#owesAllClear = true;
    this.say(`${this.place.name} does not take ${this.goods.name} (${message}); trying again.`);
  }

  /** Gives what still waits a last chance, of five seconds. */
  async close(patienceMs = PATIENCE_MS): Promise<void> {
    // An attempt may hang for ever, as on a mount whose server is gone.
    await Promise.race([this.#running, sleep(patienceMs, undefined, { signal: this.#end.signal })]);
    this.#end.abort();
    this.place.close();
    const missing = this.#waiting.length + this.#dropped;
    if (missing > 0) this.say(`${missing} ${this.goods.name} did not reach ${this.place.name}; ${this.goods.rest}.`);
  }
}
