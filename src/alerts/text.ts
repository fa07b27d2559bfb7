// What is sent of an event. The agent chooses how long its words are, so each is cut, and the whole is bounded.
import { hostname } from 'node:os';
import { asciiJson } from '../ascii-json.js';
import type { AgentEvent } from '../events/index.js';

/** UTF-16 units of one text, and members of one list. */
const WORDS = 512;
const MEMBERS = 16;
/** Bytes of all: with its header less than the 8 KiB that rsyslog takes, and far less than a datagram holds. */
const MOST = 7168;

/** One line of JSON in ASCII: which rule, how many of its events since the last alert, and one of them. */
export function alertText(event: AgentEvent, count: number): string {
  const { agent_id: agent, policy_rule: rule } = event;
  const whole = (part: AgentEvent): string =>
    asciiJson({ agent_id: agent, count, event: part, host: hostname(), rule });
  const kept = Object.fromEntries(Object.entries(event).map(([name, value]) => [name, cut(value)]));
  // What is longest goes first: what happened, by whom and when is short.
  const byLength = Object.keys(kept).sort((a, b) => asciiJson(kept[b]).length - asciiJson(kept[a]).length);
  for (const name of byLength) {
    const text = whole(kept as AgentEvent);
    if (text.length <= MOST) return text;
    delete kept[name];
  }
  return whole({} as AgentEvent);
}

function cut(value: unknown): unknown {
  if (typeof value === 'string') return value.length > WORDS ? `${value.slice(0, WORDS)}…` : value;
  if (!Array.isArray(value)) return value;
  return value.length > MEMBERS ? [...value.slice(0, MEMBERS).map(cut), '…'] : value.map(cut);
}
