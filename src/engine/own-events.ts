import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { Hello } from '../bpf/index.js';
import type { EventDraft, EventType } from '../events/index.js';
import { VERSION } from '../package.js';
import type { Move, RuleCount } from '../rollout/index.js';
import type { ProcessInfo } from '../targets/index.js';
import { bootTimeUs } from './boot-clock.js';

/** What all events of agentgov itself carry. */
const own = (type: EventType, agentId: string, sessionId: string): EventDraft => ({
  event_type: type,
  action: 'OBSERVED',
  agent_id: agentId,
  comm: 'agentgov',
  pid: process.pid,
  session_id: sessionId,
  timestamp: new Date().toISOString(),
  ts_us: bootTimeUs(),
});

/**
 * One life of a root process: the same whoever asks, and however often agentgov comes and goes in between.
 * `startTicks`: field 22 of /proc/PID/stat.
 */
export const runId = (bootId: string, { pid, startTicks }: Pick<ProcessInfo, 'pid' | 'startTicks'>): string =>
  createHash('sha256').update(`${bootId} ${pid} ${startTicks}`).digest('hex').slice(0, 16);

export interface StartFacts {
  agentId: string;
  sessionId: string;
  runId: string | undefined;
  hello: Hello;
  /** Root processes of the tree, and how many members it had when governing began. */
  pids: number[];
  processes: number;
  /** What is enforced; absent where nothing is. */
  policy?: { mode: string; sha256: string };
  /** What was wrong before the first event: files that the agent can write. */
  warnings: string[];
  /** Where agentgov started the agent itself. */
  command?: { argv: string[]; cwd: string };
}

export function sessionStart(facts: StartFacts): EventDraft {
  const { hello } = facts;
  const event: EventDraft = {
    ...own('session_start', facts.agentId, facts.sessionId),
    boot_id: hello.boot_id,
    host: hostname(),
    kernel: hello.kernel,
    mode: facts.policy?.mode ?? 'monitor',
    notes: [...hello.notes, ...facts.warnings],
    processes: facts.processes,
    target_pids: facts.pids.map(String),
    tier: hello.tier,
    tier_reason: hello.tier_reason,
    version: VERSION,
  };
  if (facts.policy !== undefined) event.policy_sha256 = facts.policy.sha256;
  if (facts.runId !== undefined) event.run_id = facts.runId;
  if (facts.command !== undefined) {
    event.argv = facts.command.argv;
    event.cwd = facts.command.cwd;
  }
  return event;
}

export interface EndFacts {
  agentId: string;
  sessionId: string;
  hello: Hello;
  reason: string;
  /** Events of this session without this one, and those known to be lost. */
  events: number;
  lost: number;
  /** What no tool call explains, where tool calls are seen. */
  unmatched?: number | undefined;
  mode: string;
  /** What went wrong on the way. */
  notes: string[];
  /** What rules were against. */
  rules?: RuleCount[] | undefined;
  /** How the command ended that agentgov started. */
  command?: { exitCode: number } | { signal: string };
}

export function sessionEnd(facts: EndFacts): EventDraft {
  const event: EventDraft = {
    ...own('session_end', facts.agentId, facts.sessionId),
    boot_id: facts.hello.boot_id,
    events: facts.events + 1,
    host: hostname(),
    lost: facts.lost,
    mode: facts.mode,
    reason: facts.reason,
    tier: facts.hello.tier,
  };
  if (facts.unmatched !== undefined) event.unmatched = facts.unmatched;
  if (facts.notes.length > 0) event.notes = facts.notes;
  const met = (facts.rules ?? []).filter(({ would_block, blocked }) => would_block + blocked > 0);
  if (met.length > 0) event.rule_counts = met.map(countText);
  if (facts.command !== undefined && 'signal' in facts.command) event.signal = facts.command.signal;
  if (facts.command !== undefined && 'exitCode' in facts.command) event.exit_code = facts.command.exitCode;
  return event;
}

const countText = ({ rule, mode, would_block, blocked, at_least }: RuleCount): string =>
  [mode, ...[would_block, blocked].map((count) => `${at_least ? '>=' : ''}${count}`), rule].join(' ');

/** A policy is in force. */
export function policyLoaded(
  agentId: string,
  sessionId: string,
  policy: {
    mode: string;
    sha256: string;
    tier: string;
    notes: string[];
    reason: string;
    auditHours: number | undefined;
  },
): EventDraft {
  const { mode, sha256, tier, notes, reason, auditHours } = policy;
  return {
    ...own('policy_loaded', agentId, sessionId),
    mode,
    policy_sha256: sha256,
    tier,
    notes,
    reason,
    ...(auditHours === undefined ? {} : { audit_hours: auditHours }),
  };
}

/** `rule` is absent where all rules changed, `move` where somebody asked for it. */
export function modeChanged(
  agentId: string,
  sessionId: string,
  change: { mode: string; rule?: string | undefined; sha256: string; tier: string; move?: Move },
): EventDraft {
  const { mode, rule, sha256, tier, move } = change;
  return {
    ...own('mode_changed', agentId, sessionId),
    mode,
    policy_sha256: sha256,
    tier,
    ...(rule === undefined ? {} : { policy_rule: rule }),
    ...(move === undefined
      ? {}
      : { audit_hours: Math.floor(move.auditMs / 3_600_000), would_blocks: move.wouldBlocks, reason: move.why }),
  };
}

/** Somebody should look at a rule. */
export function ruleFlood(
  agentId: string,
  sessionId: string,
  { rule, sha256, tier }: { rule: string; sha256: string; tier: string },
): EventDraft {
  return { ...own('rule_flood', agentId, sessionId), alert: true, policy_rule: rule, policy_sha256: sha256, tier };
}

/** `reason`: which place of the policy's alerts takes none, and why, or takes them again. */
export const alertDelivery = (agentId: string, sessionId: string, reason: string): EventDraft => ({
  ...own('alert_delivery', agentId, sessionId),
  reason,
});

/** `class` is absent where events of any kind are missing. */
export function eventsLost(
  agentId: string,
  sessionId: string,
  loss: { class?: string; count: number; reason: string },
): EventDraft {
  return { ...own('events_lost', agentId, sessionId), ...loss };
}

/** The kernel skipped programs that decide, so often since the last such event. */
export const enforcementGap = (agentId: string, sessionId: string, count: number): EventDraft => ({
  ...own('enforcement_gap', agentId, sessionId),
  count,
  reason: 'recursion',
});
