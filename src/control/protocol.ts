/**
 * What is said over a control socket: one JSON object a line. The engine speaks first: `hello`, or `refused` and the end.
 * Then each request gets one reply with its id. docs/control.md is the reference for other clients.
 */

import type { Mode } from '../policy/index.js';
import type { RuleCount } from '../rollout/index.js';

/** Version of this protocol, in the hello. */
export const CONTROL_PROTOCOL = 1;

/** The longest request that an engine reads, and the longest message that a client reads, in bytes. */
export const MAX_REQUEST = 64 * 1024;
export const MAX_MESSAGE = 1 << 20;

export interface ControlHello {
  msg: 'hello';
  protocol: number;
  /** Of agentgov. */
  version: string;
  agent_id: string;
  /** Of the engine. */
  pid: number;
}

export interface Refused {
  msg: 'refused';
  text: string;
}

/** What an engine says of itself. Counts are of this session. */
export interface EngineStatus {
  agent_id: string;
  /** Of the engine. */
  pid: number;
  version: string;
  mode: 'monitor' | 'audit' | 'enforce';
  /** Path and SHA-256 of the policy in force; absent where nothing is enforced. */
  policy?: string;
  policy_sha256?: string;
  tier: string;
  tier_reason: string;
  session_id: string;
  /** When the session began, ISO 8601. */
  started: string;
  /** Path of the log. */
  log: string;
  events: number;
  lost: number;
  /** Live members of the tree; absent when the loader does not answer. */
  processes?: number;
  /** Resident memory of the engine and of the loader, in KiB; kernel maps in bytes. */
  rss_kb: number;
  loader_rss_kb?: number;
  map_bytes?: number;
  /** What rules of the policy in force are against, those with the most verdicts; and how many rules more there are. */
  rules?: RuleCount[];
  rules_omitted?: number;
  /** What is not seen, and what is wrong at the moment. */
  notes: string[];
}

export interface StopResult {
  /** Processes that were killed. */
  killed: number;
  /** Members that live on in spite of it. */
  left: number;
  log: string;
}

export interface DetachResult {
  log: string;
}

export interface ModeResult {
  mode: Mode;
  /** Absent where it is the mode of all rules. */
  rule?: string;
  policy_sha256: string;
}

export interface ReloadResult {
  mode: Mode;
  /** Path of the policy in force. */
  policy: string;
  policy_sha256: string;
  /** What is less than it looks. */
  notes: string[];
}

export type Request =
  | { op: 'status'; id: number }
  | { op: 'stop'; id: number }
  | { op: 'detach'; id: number }
  | { op: 'reload'; id: number }
  | { op: 'mode'; id: number; mode: Mode; rule?: string }
  | { op: 'member'; id: number; pid: number };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @returns the request, or the sentence that says why it is none. */
export function parseRequest(line: string): Request | string {
  const value = parseObject(line);
  if (value === undefined) return 'A request is one JSON object on one line.';
  const { op, id, pid, mode, rule } = value;
  if (!Number.isSafeInteger(id)) return 'A request needs an integer id.';
  if (op === 'status' || op === 'stop' || op === 'detach' || op === 'reload') return { op, id: id as number };
  if (op === 'mode') {
    if (mode !== 'audit' && mode !== 'enforce') return '"mode" needs the mode audit or enforce.';
    if (rule !== undefined && typeof rule !== 'string') return 'The rule of "mode" is the name of one.';
    return { op, id: id as number, mode, ...(rule === undefined ? {} : { rule }) };
  }
  if (op === 'member') {
    return Number.isSafeInteger(pid) ? { op, id: id as number, pid: pid as number } : '"member" needs a pid.';
  }
  return 'This engine knows the requests status, stop, detach, mode, reload and member.';
}
