import { Chalk, type ChalkInstance } from 'chalk';
import type { AgentEvent } from '../events/index.js';
import { type Description, describe } from './describe.js';
import { errnoName } from './errno.js';
import { escapeForTerminal } from './escape.js';
import { columns, shorten } from './width.js';

/** How a line is to look. */
export interface PrettyOptions {
  readonly color: boolean;
  /** Columns of the terminal; without it lines are as long as they are. */
  readonly width?: number;
}

const COLORED = new Chalk({ level: 1 });
const PLAIN = new Chalk({ level: 0 });

/** Less than this of the object is no use, whatever the terminal's width. */
const OBJECT_MIN = 12;

type Paint = (chalk: ChalkInstance) => (text: string) => string;

const VERB_PAINT: [RegExp, Paint][] = [
  [/^process_/, (chalk) => chalk.green],
  [/^(?:network_|unix_|dns_|http_|llm_)/, (chalk) => chalk.cyan],
  [
    /^(?:privilege_|ptrace|signal|kernel_|io_uring|mount|enforcement_|events_lost|tls_coverage)/,
    (chalk) => chalk.magenta,
  ],
];
const verbPaint = (type: unknown): Paint =>
  VERB_PAINT.find(([types]) => types.test(String(type)))?.[1] ?? ((chalk) => chalk.white);

/** `09:23:01.234` of the timestamp, which is UTC. */
const clock = (timestamp: unknown): string =>
  /^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d\.\d{3})Z$/.exec(String(timestamp))?.[1] ?? '--:--:--.---';

function actionText(event: AgentEvent, chalk: ChalkInstance): string {
  if (event.action === 'OBSERVED' || event.action === undefined) return '';
  const text = escapeForTerminal(String(event.action));
  return event.action === 'ALLOWED' ? chalk.dim(text) : chalk.red.bold(text);
}

/** What came of it and what is to be known about it, each part already painted. */
function result(event: AgentEvent, detail: string | undefined, chalk: ChalkInstance): string[] {
  const notes = [
    detail,
    event.path_resolved === false && 'as asked',
    event.path_deleted === true && 'deleted',
    event.preexisting === true && 'already',
    event.late === true && 'late',
    event.answers_cut === true && 'cut',
  ].filter((note) => typeof note === 'string');
  const parts = notes.length > 0 ? [chalk.dim(`(${escapeForTerminal(notes.join(', '))})`)] : [];
  if (typeof event.errno === 'number') parts.push(chalk.yellow(`= ${errnoName(event.errno)}`));
  if (typeof event.count === 'number' && event.event_type !== 'events_lost') parts.push(chalk.dim(`+${event.count}×`));
  if (event.policy_rule !== undefined) parts.push(chalk.dim(`[${escapeForTerminal(String(event.policy_rule))}]`));
  if (event.reason !== undefined) parts.push(`– ${escapeForTerminal(String(event.reason))}`);
  return parts;
}

/** Everything of the line but the object, in painted and escaped parts. */
function frame(event: AgentEvent, { verb, detail }: Description, chalk: ChalkInstance) {
  const process = `${escapeForTerminal(String(event.comm ?? '?'))}[${escapeForTerminal(String(event.pid ?? '?'))}]`;
  return {
    head: [
      chalk.dim(clock(event.timestamp)),
      chalk.bold(process),
      actionText(event, chalk),
      verbPaint(event.event_type)(chalk)(escapeForTerminal(verb)),
    ],
    tail: result(event, detail, chalk),
  };
}

const line = (parts: readonly string[]): string => parts.filter(Boolean).join(' ');

/**
 * One event as one line for people, without a line break at its end: time (UTC), process, what happened, to what, with
 * which result. Whatever the event holds, the line holds no character that a terminal would obey but the colours that
 * were asked for. `width` (columns) shortens the object, in its middle.
 */
export function prettyLine(event: AgentEvent, { color, width }: PrettyOptions): string {
  const description = describe(event);
  const { head, tail } = frame(event, description, color ? COLORED : PLAIN);
  const object = escapeForTerminal(description.object ?? '');
  if (width === undefined) return line([...head, object, ...tail]);
  const bare = frame(event, description, PLAIN);
  const room = width - columns(line([...bare.head, ...bare.tail])) - 1;
  return line([...head, shorten(object, Math.max(OBJECT_MIN, room)), ...tail]);
}
