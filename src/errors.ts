/** Exit codes, the same everywhere (docs/commands.md). */
export const EXIT = { ok: 0, finding: 1, usage: 2, unavailable: 3, internal: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error that a user can act on: one sentence that says what to do next, and the exit code that goes with it. */
export class AgentgovError extends Error {
  override readonly name = 'AgentgovError';
  /** The sentence, and the lines of the list that it ends with. Whatever names are in them, no other line end is ours. */
  readonly shown: readonly string[];
  constructor(
    sentence: string,
    readonly exitCode: ExitCode,
    { list = [], ...options }: ErrorOptions & { list?: readonly string[] } = {},
  ) {
    super([sentence, ...list].join('\n'), options);
    this.shown = [sentence, ...list];
  }
}

/** Bad input or usage: exit 2. */
export const usageError = (message: string, cause?: unknown): AgentgovError =>
  new AgentgovError(message, EXIT.usage, { cause });

/** A privilege or a kernel feature is missing: exit 3. */
export const unavailableError = (message: string, cause?: unknown): AgentgovError =>
  new AgentgovError(message, EXIT.unavailable, { cause });
