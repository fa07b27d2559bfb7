/** Types of collapse.mjs, for the test that checks it. */
export function collapsePaths(
  used: { path: string; verb: string }[],
  spell: (name: string) => string,
  threshold?: number,
): Map<string, string[]>;
