/**
 * Runs two arms by turns: A B, B A, A B … A machine that warms up, or slows down, or gets a noisy neighbour does it to
 * both, and neither always runs in the other's wake.
 *
 * @template T
 * @param {() => Promise<T>} a the arm that is divided by
 * @param {() => Promise<T>} b the arm that is looked at
 * @param {{pairs: number, warmups?: number, onPair?: (done: number, pairs: number) => void}} options
 * @returns {Promise<{a: T[], b: T[]}>} a[i] and b[i] are one pair; warm-up runs are left out
 */
export async function interleave(a, b, { pairs, warmups = 1, onPair }) {
  for (let i = 0; i < warmups; i++) {
    await a();
    await b();
  }
  const results = { a: [], b: [] };
  for (let i = 0; i < pairs; i++) {
    if (i % 2 === 0) {
      results.a.push(await a());
      results.b.push(await b());
    } else {
      results.b.push(await b());
      results.a.push(await a());
    }
    onPair?.(i + 1, pairs);
  }
  return results;
}
