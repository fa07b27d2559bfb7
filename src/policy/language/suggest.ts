const MAX = 64;

/** Edits between two short words (insert, delete, replace; two neighbours that changed places count as one). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + Number(!same));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      next.push(cost);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** What other languages call our words. */
const ALSO: Readonly<Record<string, string>> = {
  allow: 'ALLOW',
  deny: 'BLOCK',
  block: 'BLOCK',
  ask: 'HUMAN_APPROVAL',
  hold: 'HUMAN_APPROVAL',
  approve: 'HUMAN_APPROVAL',
  rules: 'policies',
  domain: 'destination_domain',
  host: 'destination_domain',
  ip: 'destination_ip',
  cidr: 'destination_ip',
  ports: 'port',
  paths: 'path',
  prefix: 'path_prefix',
  executable: 'exe',
  binary: 'exe',
  tools: 'tool',
  default: 'default_action',
  rate: 'max',
  execute: 'exec',
  unlink: 'delete',
  open: 'read',
  timeout: 'timeout_seconds',
};

/** The known word that was probably meant; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const lower = word.slice(0, MAX).toLowerCase();
  const also = Object.hasOwn(ALSO, lower) ? ALSO[lower] : undefined;
  if (also !== undefined && known.includes(also)) return also;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(lower.length / 3)) + 1;
  for (const candidate of known) {
    const edits = distance(lower, candidate.toLowerCase());
    if (edits < least) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

/** ` (did you mean "x"?)`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const guess = nearest(word, known);
  return guess === undefined ? '' : `; did you mean "${guess}"?`;
}
