// The other names that what a rule names has on this machine.
import type { Rule } from '../language/types.js';
import { followLinks, LinkError, type Seen } from '../pattern/links.js';
import type { PathPattern } from '../pattern/path.js';

/** Patterns that a rule is about beside the one that it has. */
export type Aliases = (pattern: PathPattern, rule: Rule) => readonly PathPattern[];

/** For questions that no machine is asked about: a policy means what it says. */
export const noAliases: Aliases = () => [];

/**
 * Where the symbolic links in rules lead, now. A rule that allows does not follow a link that somebody else than root
 * could have put there: it would open what that somebody chose.
 */
export class MachineLinks {
  /** Rules that are taken by their own names only: one sentence each. */
  readonly notes: string[] = [];
  readonly #mustHold: boolean;
  readonly #seen: Seen = new Map();

  /** @param mustHold a rule that forbids is an error where it cannot be found out where its links lead. */
  constructor(mustHold: boolean) {
    this.#mustHold = mustHold;
  }

  readonly aliases: Aliases = (pattern, rule) => {
    try {
      const led = followLinks(pattern, this.#seen);
      if (led === undefined) return [];
      if (led.loose === undefined || rule.action !== 'ALLOW') return [led.pattern];
      this.#note(rule, `${led.loose} is not root's alone, and could lead anywhere`);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      if (this.#mustHold && rule.action !== 'ALLOW')
        throw new LinkError(`cannot be held where the links of "${rule.name}" lead: ${error.message}`);
      this.#note(rule, error.message);
    }
    return [];
  };

  #note({ name }: Rule, why: string): void {
    const note = `"${name}" is not followed to where its symbolic links lead: ${why}.`;
    if (!this.notes.includes(note)) this.notes.push(note);
  }
}
