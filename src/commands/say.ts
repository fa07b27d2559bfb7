import { escapeForTerminal } from '../output/index.js';

/** Tells people something beside the output: one line, whatever stands in it. */
export const say = (line: string): void => void process.stderr.write(`agentgov: ${escapeForTerminal(line)}\n`);
