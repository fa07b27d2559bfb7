import { escapeForTerminal } from '../output/index.js';
import type { Denial } from './denial.js';

/** A path is the agent's own text: quoted, so that it cannot pass for ours, and no longer than it helps. */
const LONGEST_SHOWN = 400;

const ADVICE =
  'It was denied in the kernel and will be again, by other ways too. Do not retry it; go on without it, or ask the person you work for.';

function quoted(text: string): string {
  const safe = escapeForTerminal(text).replaceAll('"', '\\u{22}');
  return `"${safe.length > LONGEST_SHOWN ? `${safe.slice(0, LONGEST_SHOWN)}…` : safe}"`;
}

const address = (ip: string, port: number | undefined): string =>
  port === undefined ? ip : `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;

function objectOf({ path, path_to: to, dest_ip: ip, dest_port: port, ...own }: Denial): string | undefined {
  if (path !== undefined) return to === undefined ? quoted(path) : `${quoted(path)} to ${quoted(to)}`;
  if (ip !== undefined) return address(ip, port);
  if (own.local_ip !== undefined) return address(own.local_ip, own.local_port);
  return own.target_pid === undefined ? undefined : `process ${own.target_pid}`;
}

function what(denial: Denial): string {
  const { event_type: type, class: kind, access, rule, guidance } = denial;
  const how = access === undefined || type.endsWith(access) ? '' : ` (${access})`;
  const object = objectOf(denial);
  const told = `${type}${how}${object === undefined ? '' : ` ${object}`}`;
  const text = `${told}: rule ${quoted(rule)}, class ${kind}`;
  return guidance === undefined ? `${text}.` : `${text}. ${escapeForTerminal(guidance)}`;
}

const times = (count: number): string => (count === 1 ? '' : ` [${count} times]`);

/**
 * What was denied, for a model or a person to read: the newest last, the same denials as one line, and no more characters
 * than `room`. Undefined where nothing was.
 */
export function feedbackText(denials: readonly Denial[], room: number): string | undefined {
  if (denials.length === 0) return undefined;
  const counts = new Map<string, number>();
  let omitted = 0;
  for (const denial of denials) {
    const text = what(denial);
    const before = counts.get(text) ?? 0;
    // Said anew, it is the newest.
    counts.delete(text);
    counts.set(text, before + denial.count);
    omitted += denial.omitted ?? 0;
  }
  const lines: string[] = [];
  let left = room - ADVICE.length - 100;
  for (const [text, count] of [...counts].reverse()) {
    const line = `- ${text}${times(count)}`;
    if (line.length > left) {
      omitted += count;
      continue;
    }
    left -= line.length + 1;
    lines.unshift(line);
  }
  const more = omitted === 0 ? [] : [`- and ${omitted} more`];
  return ['agentgov denied this, by the policy that holds here:', ...lines, ...more, ADVICE].join('\n');
}
