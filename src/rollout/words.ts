const UNITS = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** A length of time in words, with the largest unit that it has two of: `48 h`, `90 min`, `5 s`. */
export function spell(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms >= 2 * length) ?? UNITS[2];
  return `${Math.floor(ms / size)} ${unit}`;
}
