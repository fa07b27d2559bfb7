import type { AgentEvent } from '../events/index.js';
import { OPERATIONS } from '../policy/index.js';

/**
 * One line of the feedback file: what was denied, as the agent asked for it, and the rule. Nothing else of the policy, and
 * nothing that another rule would allow.
 */
export interface Denial {
  /** From 1, in the order of the denials of a session; the same call to the same thing in quick succession is one. */
  n: number;
  timestamp: string;
  event_type: string;
  /** `file`, `exec`, `network`, or the event itself where the policy language has no class for it. */
  class: string;
  rule: string;
  guidance?: string;
  access?: string;
  path?: string;
  path_to?: string;
  dest_ip?: string;
  dest_port?: number;
  local_ip?: string;
  local_port?: number;
  target_pid?: number;
  /** How often. */
  count: number;
  /** Denials that nothing was written of since the line before: there were too many at once. */
  omitted?: number;
}

/** What was asked for: the same in two denials when these are. */
export type Asked = Omit<Denial, 'n' | 'timestamp' | 'count' | 'omitted'>;

/** Paths are up to 4,095 bytes long and may be written with six characters for each. */
const LONGEST_PATH = 1024;

const CLASSES = new Map<string, string>(
  OPERATIONS.map(({ event, class: kind }) => [event, kind === 'system' ? event : kind]),
);

const TEXTS = ['access', 'dest_ip', 'local_ip'] as const;
const PATHS = ['path', 'path_to'] as const;
const NUMBERS = ['dest_port', 'local_port', 'target_pid'] as const;

const shortened = (path: string): string => (path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path);

/** `event`: a denial as the log has it, without secrets and with the name of its rule. */
export function askedOf(event: AgentEvent, guidance: string | undefined): Asked {
  const type = String(event.event_type);
  const asked: Asked = { event_type: type, class: CLASSES.get(type) ?? type, rule: String(event.policy_rule) };
  if (guidance !== undefined) asked.guidance = guidance;
  for (const name of PATHS) {
    const value = event[name];
    if (typeof value === 'string') asked[name] = shortened(value);
  }
  for (const name of TEXTS) {
    const value = event[name];
    if (typeof value === 'string') asked[name] = value;
  }
  for (const name of NUMBERS) {
    const value = event[name];
    if (typeof value === 'number') asked[name] = value;
  }
  return asked;
}
