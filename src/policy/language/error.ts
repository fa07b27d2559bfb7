import { AgentgovError, EXIT } from '../../errors.js';
import type { Problem } from './types.js';

/** `FILE:LINE:COL: message`, as compilers and editors know it. */
export const located = (file: string, { line, column, message }: Problem): string =>
  `${file}:${line}:${column}: ${message}`;

/** A policy that does not load. Exit 2; the policy that was in force stays so. */
export class PolicyError extends AgentgovError {
  constructor(
    readonly file: string,
    /** In the order of the file, at least one. */
    readonly problems: readonly Problem[],
  ) {
    const [first] = problems;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more; see agentgov policy check)` : '';
    super(`${first === undefined ? file : located(file, first)}${more}`, EXIT.usage);
  }

  /** Every problem on a line of its own. */
  get lines(): string[] {
    return this.problems.map((problem) => located(this.file, problem));
  }
}
