/** Where things are taken to, one after the other. */
export interface Place {
  /** What to call it; without any password. */
  readonly name: string;
  /** Resolves when the text is there. It may be told the same one again. */
  deliver(text: string): Promise<void>;
  close(): void;
}

/** How long one attempt may take. */
export const PATIENCE_MS = 10_000;
