// Takes checkpoints to another place as they are made. The log never waits for it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './places.js';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** Notes of some 300 bytes that may wait. The newest speaks for all before it, so the oldest go first. */
const MOST_WAITING = 1000;
/** How long the end of a session may wait for a place. */
const PATIENCE_MS = 5000;

export class CheckpointPusher {
  readonly #waiting: string[] = [];
  #running: Promise<void> | undefined;
  #dropped = 0;
  readonly #end = new AbortController();

  /** `say`: told when the place does not take them, and when it does again. */
  constructor(
    private readonly place: Place,
    private readonly say: (text: string) => void,
  ) {}

  push(note: string): void {
    this.#waiting.push(note);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting.splice(0, 1);
      this.#dropped += 1;
    }
    this.#running ??= this.#work();
  }

  async #work(): Promise<void> {
    let wait = FIRST_WAIT_MS;
    let hasFailed = false;
    for (let note = this.#waiting[0]; note !== undefined && !this.#end.signal.aborted; note = this.#waiting[0]) {
      try {
        await this.place.deliver(note);
        // It may have been dropped meanwhile.
        if (this.#waiting[0] === note) this.#waiting.shift();
        if (hasFailed) this.say(`${this.place.name} takes checkpoints again.`);
        hasFailed = false;
        wait = FIRST_WAIT_MS;
      } catch (error) {
        if (this.#end.signal.aborted) break;
        if (!hasFailed) {
          this.say(`${this.place.name} does not take checkpoints (${(error as Error).message}); trying again.`);
        }
        hasFailed = true;
        await sleep(wait, undefined, { signal: this.#end.signal, ref: false }).catch(() => {});
        wait = Math.min(2 * wait, LONGEST_WAIT_MS);
      }
    }
    this.#running = undefined;
  }

  /** Gives what still waits a last chance, of five seconds. */
  async close(patienceMs = PATIENCE_MS): Promise<void> {
    // An attempt may hang for ever, as on a mount whose server is gone.
    await Promise.race([this.#running, sleep(patienceMs, undefined, { signal: this.#end.signal })]);
    this.#end.abort();
    this.place.close();
    const missing = this.#waiting.length + this.#dropped;
    if (missing > 0) this.say(`${missing} checkpoints did not reach ${this.place.name}; they are beside the log.`);
  }
}
