/** The package, read when a program is first run with it: that takes 9 ms, and most sessions run none. */
export const loadExeca = async () => (await import('execa')).execa;
