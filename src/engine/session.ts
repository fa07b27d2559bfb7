import { randomUUID } from 'node:crypto';
import type { Alerts } from '../alerts/index.js';
import type { AuditWriter, Finding } from '../audit/index.js';
import type { Loader, LoaderOutcome, Notice, TlsSink } from '../bpf/index.js';
import { LoaderGone } from '../bpf/index.js';
import type { DetachResult, EngineStatus, StopResult } from '../control/index.js';
import { type Deferred, deferred } from '../deferred.js';
import type { EventDraft, Redactor } from '../events/index.js';
import type { FeedbackFile } from '../feedback/index.js';
import { escapeForTerminal } from '../output/index.js';
import { VERSION } from '../package.js';
import { TlsCoverage } from '../tls-coverage/index.js';
import type { Command } from './command.js';
import type { Enforcement } from './enforcement.js';
import { HeldPolicy } from './held-policy.js';
import { Intake } from './intake.js';
import { LogFailure } from './log-failure.js';
import { alertDelivery, enforcementGap, eventsLost, sessionEnd, sessionStart } from './own-events.js';
import type { OpenConversations } from './plaintext.js';
import { type EndReason, isFinal, isIncomplete, reasonText } from './reasons.js';
import type { Staging } from './staging.js';
import type { Takeover } from './takeover.js';
import type { View } from './view.js';

/** Lines that wait to be written: more, and the loader is left to wait, whose rings then count what they cannot hold. */
const BACKLOG = 8 << 20;
/** Rules whose counts are told: those with the most verdicts. */
const RULES_TOLD = 200;
/** Characters of a sentence about a place of alerts. */
const WORDS_OF_PLACE = 400;

export interface SessionParts {
  agentId: string;
  loader: Loader;
  writer: AuditWriter;
  redactor: Redactor;
  /** What is enforced, if anything is. */
  enforcement?: Enforcement | undefined;
  /** Counts what its rules are against; there where something is enforced. */
  staging?: Staging | undefined;
  /** Who is told of what its rules stop. */
  alerts?: Alerts | undefined;
  /** Where the agent may read why something was denied. */
  feedback?: FeedbackFile | undefined;
  /** The command that agentgov starts, if it does. */
  command: Command | undefined;
  /** Where plaintext is captured. */
  openConversations?: OpenConversations;
  /** Known before the first event: sentences for session_start. */
  warnings: string[];
  /** One line for the user. */
  say: (line: string) => void;
}

export interface SessionResult {
  reason: EndReason;
  /** The reason as a sentence's end. */
  text: string;
  events: number;
  lost: number;
  /** The log misses what it should hold, and why. */
  incomplete: string | undefined;
  findings: ReadonlyMap<Finding, number>;
  /** The kernel goes on holding the policy, without agentgov. */
  holds: boolean;
}

/** One session: from session_start to session_end. */
export class Session {
  readonly id = randomUUID();
  readonly started = new Date();
  readonly intake: Intake;
  readonly #parts: SessionParts;
  readonly #logFailure: LogFailure;
  readonly #policy: HeldPolicy | undefined;
  readonly #notes: string[] = [];
  readonly #over: Deferred<EndReason> = deferred();
  readonly #closed: Deferred<SessionResult> = deferred();
  readonly #views: View[] = [];
  #paused = false;
  #isEmpty = false;
  #stops = 0;
  /** What an engine before this one has left uncounted. */
  #counting: Promise<void> = Promise.resolve();

  constructor(parts: SessionParts) {
    this.#parts = parts;
    const { agentId, writer, redactor, enforcement } = parts;
    this.intake = new Intake({
      agentId,
      log: writer,
      redactor,
      ...(parts.openConversations && {
        openConversations: parts.openConversations,
        coverage: this.#openCoverage(),
      }),
      lossEvent: (loss) => eventsLost(agentId, this.id, loss),
      gapEvent: (count) => enforcementGap(agentId, this.id, count),
      ...(enforcement === undefined
        ? {}
        : {
            verdict: (event) => {
              const named = enforcement.named(event);
              parts.staging?.verdict(named);
              return named;
            },
            onDenied: (event) => parts.feedback?.denied(event, enforcement.guidance(String(event.policy_rule))),
            onAlert: (event) => parts.alerts?.tell(event),
            onAnswer: (message, answer) => this.#policy?.learn(message, answer),
          }),
    });
    this.#logFailure = new LogFailure({
      loader: parts.loader,
      writer,
      intake: this.intake,
      enforcement,
      kill: () => this.#kill(),
      end: (reason) => this.end(reason),
      note: (text) => this.note(text),
      say: parts.say,
      guard: (work) => this.#guard(work),
    });
    this.#policy =
      enforcement &&
      new HeldPolicy({
        agentId,
        sessionId: this.id,
        loader: parts.loader,
        enforcement,
        staging: parts.staging,
        alerts: parts.alerts,
        notes: () => this.policyNotes,
        note: (text) => this.note(text),
        say: parts.say,
        record: (event) => this.#record(event),
      });
    writer.onOwnRecord = () => this.#tellViews();
    void parts.loader.ended.then((outcome) => {
      if (outcome.kind === 'died') this.end({ kind: 'loader_died', how: outcome.how });
    });
  }

  /** Resolves with the reason as soon as there is one. */
  get over(): Promise<EndReason> {
    return this.#over.promise;
  }

  /** Asks for the end. The first reason is the one that counts. */
  end(reason: EndReason): void {
    this.#over.resolve(reason);
  }

  /** What the loader's reader is to call. Nothing may be thrown into it. */
  readonly feed = {
    onEvent: (line: string): void => this.#guard(() => this.intake.line(line)),
    onNotice: (notice: Notice): void => this.#guard(() => this.#onNotice(notice)),
    onBatch: (): void => this.#afterBatch(),
    tls: {
      chunk: (chunk) => this.#guard(() => this.intake.chunk(chunk)),
      peer: (peer) => this.#guard(() => this.intake.peer(peer)),
      end: (end) => this.#guard(() => this.intake.connectionEnd(end)),
    } satisfies TlsSink,
  };

  /** Tells when its time has come, too. */
  #openCoverage(): TlsCoverage {
    const record = (event: EventDraft): void => this.#guard(() => void this.intake.own(event));
    return new TlsCoverage({ agentId: this.#parts.agentId, record });
  }

  /** Writes session_start and everything that came since governing began. */
  begin({ taken, ...facts }: { pids: number[]; processes: number; runId: string | undefined; taken?: Takeover }): void {
    const { agentId, loader, warnings, command, enforcement } = this.#parts;
    this.#policy?.beginStaging();
    const start = sessionStart({
      agentId,
      sessionId: this.id,
      hello: loader.hello,
      warnings: [...warnings, ...this.policyNotes, ...(taken === undefined ? [] : [taken.note])],
      ...(enforcement === undefined ? {} : { policy: enforcement }),
      ...facts,
      ...(command === undefined ? {} : { command: { argv: command.argv, cwd: process.cwd() } }),
    });
    this.#guard(() => this.intake.begin(start));
    this.#policy?.tell('session_start');
    if (taken !== undefined) this.#counting = this.#countUnattended(taken);
    this.#tellViews();
  }

  async #countUnattended(taken: Takeover): Promise<void> {
    const { loader, writer } = this.#parts;
    try {
      for (const loss of await taken.losses()) this.#guard(() => this.intake.missing(loss));
      await writer.flush();
      await loader.forget();
    } catch (error) {
      // Then the next engine finds these counts again, and in the log that they have been told.
      if (error instanceof LoaderGone) return;
      this.#notes.push(`What was lost before this session is not known: ${(error as Error).message}.`);
    }
    this.#tellViews();
  }

  /** What is less than it looks of the policy in force, or should be known of it, one sentence each. */
  get policyNotes(): string[] {
    const { enforcement, staging } = this.#parts;
    return [...(enforcement?.notes ?? []), ...(staging?.notes ?? []), ...this.#logFailure.notes];
  }

  /** A sentence for `status` and session_end. */
  note(text: string): void {
    this.#notes.push(text);
  }

  /** That a place takes no alerts, or takes them again. Its words may be a stranger's. */
  tellOfAlerts(text: string): void {
    const reason = escapeForTerminal(text).slice(0, WORDS_OF_PLACE);
    // A place may come and go for months.
    if (!this.#notes.includes(reason)) this.#notes.push(reason);
    this.#parts.say(reason);
    this.#record(alertDelivery(this.#parts.agentId, this.id, reason));
  }

  /** Shows the log of this session. */
  show(view: View): void {
    this.#views.push(view);
    this.#tellViews();
  }

  /** @throws Error while the loader does not answer: who is governed is then not known. */
  governs(pid: number): Promise<boolean> {
    return this.#parts.loader.member(pid);
  }

  /** The same of all trees of this machine, by the kernel's tables, and how many tables there are. @throws Error */
  tables(pid: number): Promise<{ member: boolean; tables: number }> {
    return this.#parts.loader.tables(pid);
  }

  async status(): Promise<EngineStatus> {
    const { agentId, loader, writer, warnings, enforcement } = this.#parts;
    const notes = [...loader.hello.notes, ...warnings, ...this.policyNotes, ...this.#notes];
    const counts = this.#parts.staging?.counts(RULES_TOLD);
    const status: EngineStatus = {
      agent_id: agentId,
      pid: process.pid,
      version: VERSION,
      mode: enforcement?.mode ?? 'monitor',
      ...(enforcement === undefined ? {} : { policy: enforcement.file, policy_sha256: enforcement.sha256 }),
      tier: loader.hello.tier,
      tier_reason: loader.hello.tier_reason,
      session_id: this.id,
      started: this.started.toISOString(),
      log: writer.path,
      events: this.intake.events,
      lost: this.intake.lost + this.#logFailure.unreported,
      rss_kb: Math.round(process.memoryUsage.rss() / 1024),
      ...(counts === undefined ? {} : { rules: counts.rules, rules_omitted: counts.omitted }),
      notes,
    };
    try {
      const stats = await loader.stats();
      return { ...status, processes: stats.processes, loader_rss_kb: stats.rss_kb, map_bytes: stats.map_bytes };
    } catch (error) {
      if (!(error instanceof LoaderGone)) throw error;
      return { ...status, notes: [...notes, `The loader ${error.message}.`] };
    }
  }

  /** @throws Error where the session only records */
  get policy(): HeldPolicy {
    if (this.#policy === undefined) {
      throw new Error(`${this.#parts.agentId} is only recorded: there is no policy over it.`);
    }
    return this.#policy;
  }

  /** An event of agentgov itself that happens while the session goes on. */
  #record(event: EventDraft): void {
    this.#guard(() => this.intake.own(event));
    this.#tellViews();
  }

  /** Kills the tree. The session ends with it, unless something lives on: then that is still recorded. */
  async stop(): Promise<StopResult> {
    const { writer, command } = this.#parts;
    const { killed, left } = await this.#kill();
    if (left === 0) {
      await command?.ended();
      this.end({ kind: 'stopped', killed });
      await this.#closed.promise;
    } else {
      this.#notes.push(`A stop was asked for: ${killed} processes were killed, ${left} live on.`);
    }
    return { killed, left, log: writer.path };
  }

  /** Ends the session, and what is held with it; the tree goes on by itself. */
  async detach(): Promise<DetachResult> {
    this.end({ kind: 'detached' });
    await this.#closed.promise;
    return { log: this.#parts.writer.path };
  }

  /** The tree is empty before the loader's answer comes: that is no end of its own. */
  async #kill(): Promise<{ killed: number; left: number }> {
    this.#stops += 1;
    try {
      return await this.#parts.loader.stop();
    } catch (error) {
      throw error instanceof LoaderGone ? new Error(`The loader ${error.message}.`) : error;
    } finally {
      this.#stops -= 1;
      // After the caller has said that it was a stop.
      setImmediate(() => this.#endIfEmpty());
    }
  }

  /** Takes the probes out, writes session_end and closes the log. */
  async close(): Promise<SessionResult> {
    let reason = await this.#over.promise;
    const { agentId, loader, writer, command } = this.#parts;
    this.#parts.staging?.stop();
    const holds = this.#parts.enforcement?.isKept === true && !isFinal(reason);
    const outcome = await (holds ? loader.leave() : loader.quit());
    await this.#counting;
    this.#settle(outcome);
    await this.#parts.staging?.close();
    if (holds) this.#notes.push(`The kernel goes on holding the policy; agentgov detach ${agentId} ends that.`);
    this.#guard(() => this.intake.finish());
    await this.#parts.alerts?.close();
    // The last batch may be what fills the disk: then that is why the session ends as it does.
    reason = (await this.#logFailure.settle()) ?? reason;
    let incomplete = isIncomplete(reason) ? reasonText(reason) : undefined;
    if (outcome.kind === 'died' && incomplete === undefined) {
      incomplete = `the loader ${outcome.how} when it was told to end`;
      this.#notes.push(`The loader ${outcome.how} when it was told to end; the last events may be missing.`);
    }
    const text = reasonText(reason);
    this.#guard(() =>
      this.intake.own(
        sessionEnd({
          agentId,
          sessionId: this.id,
          hello: loader.hello,
          reason: text,
          events: this.intake.events,
          lost: this.intake.lost,
          unmatched: this.intake.unmatched,
          mode: this.#parts.enforcement?.mode ?? 'monitor',
          notes: this.#notes,
          rules: this.#parts.staging?.counts(RULES_TOLD).rules,
          ...(command === undefined || typeof command.state === 'string' ? {} : { command: command.state }),
        }),
      ),
    );
    this.#tellViews();
    try {
      await writer.close();
    } catch (error) {
      incomplete ??= (error as Error).message;
    }
    const { events, lost, findings } = this.intake;
    const result = { reason, text, events, lost, incomplete, findings, holds };
    this.#closed.resolve(result);
    return result;
  }

  /** Losses that the loader counted and has not told are told now. */
  #settle(outcome: LoaderOutcome): void {
    if (outcome.kind !== 'bye') return;
    for (const [kind, count] of Object.entries(outcome.bye.lost)) {
      const untold = count - (this.intake.lostByClass.get(kind) ?? 0);
      if (untold <= 0) continue;
      this.#onLost(kind, untold);
      this.#guard(() => this.intake.missing({ class: kind, count: untold, reason: 'ring_full' }));
    }
  }

  #onLost(kind: string, count: number): void {
    if (kind === 'verdict') this.#parts.staging?.lost(count);
  }

  #onNotice(notice: Notice): void {
    if (notice.msg === 'lost') this.#onLost(notice.class, notice.count);
    if (notice.msg === 'empty') {
      this.#isEmpty = true;
      this.#endIfEmpty();
    }
    if (notice.msg === 'error') this.#notes.push(notice.text);
    else this.intake.notice(notice);
  }

  // A command's own end comes first: with it session_end can say how it ended.
  #endIfEmpty(): void {
    if (!this.#isEmpty || this.#stops > 0) return;
    void (this.#parts.command?.ended() ?? Promise.resolve()).then(() => this.end({ kind: 'tree_empty' }));
  }

  #afterBatch(): void {
    this.#tellViews();
    const { writer, loader } = this.#parts;
    if (this.#paused || writer.pendingBytes < BACKLOG) return;
    this.#paused = true;
    loader.pause();
    void writer.flush().then(() => {
      this.#paused = false;
      loader.resume();
    });
  }

  #tellViews(): void {
    for (const view of this.#views) view.expect(this.#parts.writer.end);
  }

  // An event that cannot be recorded is the end of the session, never a hole in it.
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.end({ kind: 'internal', cause: (error as Error).message });
    }
  }
}
