// What a policy would have done to recordings.
import { findWholeLogs, logName, type Verification } from '../../audit/index.js';
import type { AgentEvent } from '../../events/index.js';
import type { Aliases } from '../engine/aliases.js';
import { Engine, type Verdict } from '../engine/engine.js';
import { operationsIn, PolicyRun } from '../engine/run.js';
import type { Policy } from '../language/types.js';
import { type Finding, Findings } from './findings.js';
import { type Place, readEvents } from './read.js';
import { checkRecording, type Trust } from './recording.js';

export interface ReplayOptions extends Trust {
  /** Home folders that `~` stands for. */
  homes?: readonly string[];
  /** Names that files have beside those of the policy. */
  aliases?: Aliases;
}

/** One recording, which may be in several files, and what is known of its soundness. */
export interface RecordingSummary {
  readonly file: string;
  events: number;
  /** Lines that are no events; only with `unverified`. */
  skipped: number;
  /** Absent where nobody looked. */
  readonly verification?: Verification;
}

/** All decisions of one rule or default. */
export interface RuleTally {
  readonly verdict: Verdict;
  events: number;
  operations: number;
}

export interface ReplayResult {
  readonly policy: Policy;
  readonly engine: Engine;
  readonly recordings: readonly RecordingSummary[];
  readonly events: number;
  /** Events that ask for something, without those of `failed`. */
  readonly decided: number;
  /** Failed on their own before any policy is asked; how many of them it would have stopped. */
  readonly failed: { events: number; stopped: number };
  /** Decided on a name that was only asked for. */
  readonly unresolved: number;
  /** Events of other agents than the policy's. */
  readonly otherAgents: number;
  readonly tallies: readonly RuleTally[];
  /** By operations, most first. */
  readonly findings: readonly Finding[];
  /** Events whose finding was not kept: there were too many different ones. */
  readonly findingsCut: number;
  /** Of reading, parsing and deciding; verification is not in it. */
  readonly seconds: number;
}

/*
 * Errors with which the kernel ends a file operation or an exec before it asks a security module: the name leads
 * nowhere, or the file's own permissions refuse it. From uapi/asm-generic/errno-base.h and errno.h.
 */
const BEFORE_POLICY = new Set([
  1, // EPERM
  2, // ENOENT
  13, // EACCES
  14, // EFAULT
  17, // EEXIST
  20, // ENOTDIR
  21, // EISDIR
  22, // EINVAL
  30, // EROFS
  36, // ENAMETOOLONG
  39, // ENOTEMPTY
  40, // ELOOP
]);

/** Whether the operation failed without any policy. What an earlier policy stopped (its action says so) did not. */
export const failedBefore = ({ errno, action, event_type: type }: AgentEvent): boolean =>
  typeof errno === 'number' &&
  BEFORE_POLICY.has(errno) &&
  action !== 'BLOCKED' &&
  action !== 'HELD' &&
  typeof type === 'string' &&
  (type.startsWith('file_') || type === 'process_exec');

/** One run over all recordings, in their order. */
class Replay {
  readonly engine: Engine;
  readonly tallies = new Map<Verdict, RuleTally>();
  readonly findings = new Findings();
  decided = 0;
  unresolved = 0;
  otherAgents = 0;
  readonly failed = { events: 0, stopped: 0 };
  #run: PolicyRun;

  constructor(
    readonly policy: Policy,
    { homes, aliases }: ReplayOptions,
  ) {
    this.engine = new Engine(policy, { ...(homes && { homes }), ...(aliases && { aliases }) });
    this.#run = new PolicyRun(this.engine);
  }

  /** Another recording: its processes and its clock are others. */
  restart(): void {
    this.#run = new PolicyRun(this.engine);
  }

  take(event: AgentEvent, { file, line }: Place): void {
    const { agent_id: wanted } = this.policy.document;
    if (wanted !== undefined && event.agent_id !== undefined && event.agent_id !== wanted) this.otherAgents++;
    // Of a call that went on the event of its result is the one that counts, or it would be counted twice.
    if (event.action === 'WOULD_BLOCK') return;
    const subject = this.#run.subjectOf(event);
    if (failedBefore(event)) {
      // Not along the stream: what failed uses up no rate.
      const verdict = this.engine.decide(event, subject);
      if (verdict === undefined) return;
      this.failed.events++;
      if (verdict.action !== 'ALLOW') this.failed.stopped++;
      return;
    }
    const verdict = this.#run.decide(event, subject);
    if (verdict === undefined) return;
    this.decided++;
    if (event.path_resolved === false) this.unresolved++;
    const tally = this.tallies.get(verdict);
    if (tally === undefined) this.tallies.set(verdict, { verdict, events: 1, operations: operationsIn(event) });
    else {
      tally.events++;
      tally.operations += operationsIn(event);
    }
    if (verdict.action !== 'ALLOW') this.findings.add(verdict, event, subject, file, line);
  }
}

/**
 * Replays recordings (logs, or folders of them) under a policy. Memory grows with the different findings, not with the recording.
 *
 * @throws AgentgovError (exit 2) when a recording cannot be read or does not verify.
 */
export async function replay(
  policy: Policy,
  paths: readonly string[],
  options: ReplayOptions = {},
): Promise<ReplayResult> {
  const run = new Replay(policy, options);
  const recordings: RecordingSummary[] = [];
  let events = 0;
  let milliseconds = 0;
  for (const log of await findWholeLogs(paths)) {
    const verification = await checkRecording(log, options);
    const recording: RecordingSummary = {
      file: logName(log),
      events: 0,
      skipped: 0,
      ...(verification && { verification }),
    };
    recordings.push(recording);
    run.restart();
    const begin = performance.now();
    // No further than what was verified: a live log has grown since.
    recording.skipped = await readEvents(log, verification?.events ?? Number.POSITIVE_INFINITY, (event, place) => {
      recording.events++;
      run.take(event, place);
    });
    milliseconds += performance.now() - begin;
    events += recording.events;
  }
  const findings = run.findings.all.sort(
    (a, b) => b.operations - a.operations || a.first.file.localeCompare(b.first.file) || a.first.line - b.first.line,
  );
  return {
    policy,
    engine: run.engine,
    recordings,
    events,
    decided: run.decided,
    failed: run.failed,
    unresolved: run.unresolved,
    otherAgents: run.otherAgents,
    tallies: [...run.tallies.values()].sort((a, b) => b.operations - a.operations),
    findings,
    findingsCut: run.findings.cut,
    seconds: milliseconds / 1000,
  };
}
