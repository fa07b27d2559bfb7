export function addRecord(
  figures: Record<string, object>,
  record: { name: string; boot?: string; figures: object },
  commit: string,
): void;
export function accumulated(
  old: object | undefined,
  values: object,
  there: { steps: Set<string>; tests: Set<string> },
): object;
