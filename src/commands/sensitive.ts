import { type Entry, sensitiveAs } from '../profile/index.js';

/** Sensitive things that are named one by one; the rest is counted. */
const MOST_NAMED = 20;

/** Names sensitive things while they are learned, each once. */
export class Sensitive {
  readonly #seen = new Set<string>();
  constructor(private readonly say: (line: string) => void) {}

  take({ verb, target }: Entry): void {
    const rule = sensitiveAs(verb, target);
    const object = target.path ?? target.domain ?? target.ip ?? '';
    if (rule === undefined || this.#seen.has(object)) return;
    this.#seen.add(object);
    if (this.#seen.size <= MOST_NAMED) this.say(`sensitive (${rule}): ${verb} ${object}`.trimEnd());
  }

  rest(): void {
    if (this.#seen.size > MOST_NAMED) this.say(`sensitive: ${this.#seen.size - MOST_NAMED} more`);
  }
}
