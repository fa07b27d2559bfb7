/** The longest delay of setTimeout; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** setTimeout for any length. @returns a function that cancels it. */
export function after(ms: number, callback: () => void): () => void {
  const due = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = due - performance.now();
    timer = left > LONGEST_MS ? setTimeout(arm, LONGEST_MS) : setTimeout(callback, Math.max(0, left));
  };
  arm();
  return () => clearTimeout(timer);
}
