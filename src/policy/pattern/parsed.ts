import { type Block, parseBlock } from './address.js';
import { type DomainPattern, parseDomain } from './domain.js';
import { type PathPattern, parsePath } from './path.js';

/** The value of a key that is parsed already, or is now. */
function once<Pattern>(known: Map<string, Pattern>, source: string, parse: (source: string) => Pattern): Pattern {
  let pattern = known.get(source);
  if (pattern === undefined) {
    pattern = parse(source);
    known.set(source, pattern);
  }
  return pattern;
}

/**
 * The patterns of a policy, each parsed once: whoever checks it, looks for rules that never decide, and compiles it asks
 * for the same ones. All throw PatternError.
 */
export class Patterns {
  readonly #paths = new Map<string, PathPattern[]>();
  readonly #prefixes = new Map<string, PathPattern[]>();
  readonly #domains = new Map<string, DomainPattern>();
  readonly #blocks = new Map<string, Block>();

  /** As `parsePath`. What begins with `~` means something else for other homes. */
  path(source: string, isPrefix: boolean, homes: readonly string[]): PathPattern[] {
    if (source.startsWith('~')) return parsePath(source, isPrefix, homes);
    return once(isPrefix ? this.#prefixes : this.#paths, source, () => parsePath(source, isPrefix, homes));
  }

  domain(source: string): DomainPattern {
    return once(this.#domains, source, parseDomain);
  }

  block(source: string): Block {
    return once(this.#blocks, source, parseBlock);
  }
}
