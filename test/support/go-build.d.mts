export function goBuild(
  version: string,
  source: string,
  target: string,
  options?: { flags?: string[]; cgo?: string },
): void;
