import { HEADER_ENDS, LAST_WORDS, NAME_MAX } from './names.js';
import { SHAPES } from './shapes.js';

/*
 * One expression that finds every text in which redaction could change anything, and hardly any other. It runs over
 * each line of the fast path, so it is written for the regex engine: every alternative begins with one character that
 * is rare in a path, looks at once whether a long enough run follows, only then looks back, and never runs on over
 * anything unbounded twice. It must work on a raw text and on the same text inside a line of JSON, so it asks for
 * nothing that JSON escapes.
 */

/** Either case of each letter: the flag `i` would apply to the key shapes too. */
const anyCase = (source: string): string => source.replace(/[a-z]/g, (c) => `[${c}${c.toUpperCase()}]`);

const LAST = `(?:${LAST_WORDS.map(anyCase).join('|')})`;
const HEADER = `(?:${HEADER_ENDS.map(anyCase).join('|')})`;

/** The least that every shape with this anchor has after it. */
const RUN = { '-': '[A-Za-z0-9_-]{8}', _: '[A-Za-z0-9]{10}', J: '[A-Za-z0-9_-]{8}', T: '[A-Za-z0-9_/-]{8}' } as const;

const literals = new Set(SHAPES.flatMap(({ cue }) => ('literal' in cue ? [cue.literal] : [])));

const anchored = (anchor: keyof typeof RUN): string => {
  const before = SHAPES.flatMap(({ cue }) => ('anchor' in cue && cue.anchor === anchor ? [cue.before] : []));
  return `(?=${RUN[anchor]})(?<=(?:${[...new Set(before)].join('|')})${anchor})`;
};

// An option, then white space (in JSON a backslash and a letter).
const option = `-[A-Za-z0-9_-]{1,${NAME_MAX}}(?=[\\s\\\\])(?<=${LAST})`;

const CUE = new RegExp(
  [
    `=(?<=${LAST}=)`,
    // A command line has rules of its own (argv.ts) and is always looked at. The fast path carries none.
    '\\[(?<="argv": ?\\[)',
    ...literals,
    `J${anchored('J')}`,
    `T${anchored('T')}`,
    `-(?:${anchored('-')}|----BEGIN |${option})`,
    `_${anchored('_')}`,
    `:(?:(?<=[A-Za-z]:)(?<=${HEADER}:)|\\/\\/[^\\/?# ]*@)`,
  ].join('|'),
);

/**
 * Whether redaction could change the event on this line (canonical JSON), or this text: false is certain, true is a
 * suspicion. Linear in the length; several lines at once are fine too.
 */
export const mayHoldSecret = (line: string): boolean => CUE.test(line);
