/** One event line as the loader writes it: keys sorted, Python's separators, ASCII, three placeholders. */
export function eventLine(agentId: string, fields: Record<string, unknown>): string;
