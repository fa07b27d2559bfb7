import { counted } from '../../counted.js';
import type { Rule } from '../../policy/index.js';

/**
 * Where in the policy a rule stands. learned: seen in several runs (or there is only one). once: in one run only.
 * decide: it touches what the kit closes, and is held until a person has decided. closed: the kit itself.
 */
export type Section = 'learned' | 'once' | 'decide' | 'closed';

export interface Made {
  readonly section: Section;
  readonly rule: Rule;
  /** What it rests on, in a sentence. */
  readonly why: string;
  /** The same for single values of its match. */
  readonly notes: ReadonlyMap<string, string>;
}

/** Tools that a comment names; more are counted. */
const MOST_TOOLS = 3;

/** `12x in 3 runs, for Bash and 2 tools more`: the last part where calls of tools explain it. */
export const often = ({ times, runs, tools = new Set() }: Used): string =>
  `${times}x in ${counted(runs.size, 'run')}${tools.size === 0 ? '' : `, for ${namesOf(tools)}`}`;

function namesOf(tools: ReadonlySet<string>): string {
  const names = [...tools].sort();
  const more = names.length - MOST_TOOLS;
  return `${names.slice(0, MOST_TOOLS).join(', ')}${more > 0 ? ` and ${counted(more, 'tool')} more` : ''}`;
}

interface Used {
  readonly times: number;
  readonly runs: ReadonlySet<string>;
  readonly tools?: ReadonlySet<string>;
}

/** The same of several together. */
export const oftenAll = (all: readonly Used[]): string =>
  often({
    times: all.reduce((sum, { times }) => sum + times, 0),
    runs: runsOf(all),
    tools: new Set(all.flatMap(({ tools = [] }) => [...tools])),
  });

export const runsOf = (all: readonly Pick<Used, 'runs'>[]): ReadonlySet<string> =>
  new Set(all.flatMap(({ runs }) => [...runs]));

/** Where a rule stands that was learned in these of `all` runs. */
export const sectionOf = (runs: ReadonlySet<string>, { runs: all }: Context): Section =>
  all > 1 && runs.size === 1 ? 'once' : 'learned';

export interface Context {
  /** Runs in the profile. */
  readonly runs: number;
  readonly names: Names;
}

/** Names of rules: words of the policy's author, each once. */
export class Names {
  readonly #taken = new Set<string>();

  constructor(taken: readonly string[]) {
    for (const name of taken) this.#taken.add(name);
  }

  next(words: string): string {
    const plain = words
      .toLowerCase()
      .replace(/~/g, 'home')
      .replace(/[^a-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, 60);
    let name = plain;
    for (let number = 2; this.#taken.has(name); number++) name = `${plain}_${number}`;
    this.#taken.add(name);
    return name;
  }
}
