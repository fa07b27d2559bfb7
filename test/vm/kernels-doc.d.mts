export function matrixText(evidence: { figures: object }, tests: { name: string; variants: string[] }[]): string;
export function withMatrix(page: string, text: string): string;
