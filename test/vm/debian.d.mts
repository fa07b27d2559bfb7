/** Types of debian.mjs, for the native tests. */
export function aptState(folder: string, suites: readonly string[]): Promise<string[]>;
export function unpackPackage(apt: readonly string[], name: string, folder: string): Promise<string>;
