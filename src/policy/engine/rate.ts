const UNITS = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const;

/** AG_RATE_GROUPS of bpf/include/policy.h. */
const GROUPS_MAX = 256;

/** What is remembered of a rule with `max`. */
export interface RateShape {
  /** Microseconds. */
  readonly windowUs: number;
  readonly groups: number;
  /** Operations of a group: one each, as long as there are not more than GROUPS_MAX. */
  readonly each: number;
}

/** `20/minute`. The schema has checked its form. */
export function parseRate(text: string): RateShape {
  const [count = '', unit = ''] = text.split('/');
  const limit = Number(count);
  const each = Math.ceil(limit / GROUPS_MAX);
  return { windowUs: UNITS[unit as keyof typeof UNITS] * 1_000_000, groups: Math.floor(limit / each), each };
}

/**
 * Lets so many operations through in any window of that length, wherever it begins; what was refused does not count. They
 * are in groups, one after the other in a ring: one that is full has room again when the last of it lies behind the window.
 * The kernel does the same (bpf/rates.bpf.h).
 */
export class Rate {
  readonly #shape: RateShape;
  readonly #used: Float64Array;
  readonly #last: Float64Array;
  #at = 0;

  constructor(shape: RateShape) {
    this.#shape = shape;
    this.#used = new Float64Array(shape.groups);
    this.#last = new Float64Array(shape.groups);
  }

  /** How many of `count` operations at this time may pass. */
  admit(timeUs: number, count: number): number {
    for (let passed = 0; passed < count; passed++) {
      const next = (this.#at + 1) % this.#shape.groups;
      const at = [this.#at, next].find((group) => this.#hasRoom(group, timeUs));
      if (at === undefined) return passed;
      const used = this.#used[at] ?? 0;
      this.#used[at] = used < this.#shape.each ? used + 1 : 1;
      this.#last[at] = Math.max(timeUs, this.#last[at] ?? 0);
      this.#at = at;
    }
    return count;
  }

  #hasRoom(group: number, timeUs: number): boolean {
    const isBehind = (this.#last[group] ?? 0) <= timeUs - this.#shape.windowUs;
    return (this.#used[group] ?? 0) < this.#shape.each || isBehind;
  }

  /** Another boot, another clock. */
  reset(): void {
    this.#used.fill(0);
    this.#last.fill(0);
  }
}
