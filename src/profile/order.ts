/** By code units, as every list of a profile is sorted. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
