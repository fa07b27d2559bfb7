// What work costs, for tests that tell linear from quadratic: CPU time, since the clock on the wall also runs while
// others have the CPU.
/** Milliseconds of CPU that this process used for `work`. */
export function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
