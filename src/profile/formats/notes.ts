// What a format cannot say as the policy says it. Nothing is dropped without a word here.
import { blockText } from '../../policy/index.js';
import type { Line } from './source.js';

/** not expressed: the format has no word for it. wider: it lets more through. stricter: it stops more. */
export type Difference = 'not expressed' | 'wider' | 'stricter';

/** Classes of operations, as the notes call them. */
export type Subject = 'file' | 'exec' | 'network' | 'unix' | 'tool' | 'system' | 'all';

const MOST_SHOWN = 10;

export class Notes {
  /** By difference, subject and reason: the rules, each with those of its values that are meant. */
  readonly #found = new Map<string, { readonly said: string; readonly rules: Map<string, Set<string>> }>();

  /** @param value of the rule; left out where all of the rule is meant. */
  add(difference: Difference, subject: Subject, why: string, { rule }: Pick<Line, 'rule'>, value?: string): void {
    const said = `${difference}, ${subject}: ${why}`;
    const known = this.#found.get(said) ?? { said, rules: new Map<string, Set<string>>() };
    this.#found.set(said, known);
    const values = known.rules.get(rule.name) ?? new Set();
    known.rules.set(rule.name, values);
    if (value !== undefined) values.add(value);
  }

  /** One sentence for each reason, with every rule and value. */
  get whole(): readonly string[] {
    return this.#sentences(Number.POSITIVE_INFINITY);
  }

  /** The same for a terminal: with the first values of the first rules. */
  get short(): readonly string[] {
    return this.#sentences(MOST_SHOWN);
  }

  #sentences(most: number): readonly string[] {
    return [...this.#found.values()].map(({ said, rules }) => {
      const names = [...rules].map(([name, values]) =>
        values.size === 0 ? name : `${name} (${some([...values], most)})`,
      );
      return `${said}: ${some(names, most)}`;
    });
  }
}

const some = (all: readonly string[], most: number): string =>
  all.length > most ? `${all.slice(0, most).join(', ')} and ${all.length - most} more` : all.join(', ');

/** What a line is about, as the policy spells it. */
export function objectText({ object, protocols = [] }: Line): string {
  if (object === undefined) return protocols.join(', ');
  if ('path' in object) return object.path.text.replaceAll('/\u0000/', '@');
  return 'domain' in object ? object.domain.text : blockText(object.block);
}

/** What a format makes of a policy. */
export interface Written {
  readonly body: string;
  readonly notes: Notes;
  /** What it is, and how it is loaded: sentences. */
  readonly use: readonly string[];
  /** What begins a comment; absent where the format has none. */
  readonly comment?: '#';
}
