export function loadTests(): Promise<{ name: string; variants: string[] }[]>;
