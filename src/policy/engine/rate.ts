const UNITS = { second: 1, minute: 60, hour: 3600, day: 86_400 } as const;

/** `20/minute` as a number of operations and a window in microseconds. The schema has checked its form. */
export function parseRate(text: string): { limit: number; windowUs: number } {
  const [limit = '', unit = ''] = text.split('/');
  return { limit: Number(limit), windowUs: UNITS[unit as keyof typeof UNITS] * 1_000_000 };
}

/**
 * Lets so many operations through in any window of that length, wherever it begins. Exact: it keeps the times of the
 * last `limit` that passed, and what was refused does not count.
 */
export class Rate {
  readonly #times: Float64Array;
  #next = 0;

  constructor(
    limit: number,
    readonly windowUs: number,
  ) {
    this.#times = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  }

  /** How many of `count` operations at this time may pass. */
  admit(timeUs: number, count: number): number {
    for (let passed = 0; passed < count; passed++) {
      if ((this.#times[this.#next] ?? 0) > timeUs - this.windowUs) return passed;
      this.#times[this.#next] = timeUs;
      this.#next = (this.#next + 1) % this.#times.length;
    }
    return count;
  }

  /** Another boot, another clock. */
  reset(): void {
    this.#times.fill(Number.NEGATIVE_INFINITY);
  }
}
