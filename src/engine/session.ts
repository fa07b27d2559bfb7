import { randomUUID } from 'node:crypto';
import type { Alerts } from '../alerts/index.js';
import type { AuditWriter, Finding } from '../audit/index.js';
import type { DnsMessage, Loader, LoaderOutcome, Notice, TlsSink } from '../bpf/index.js';
import { LoaderGone } from '../bpf/index.js';
import type { DetachResult, EngineStatus, ModeResult, ReloadResult, StopResult } from '../control/index.js';
import { type Deferred, deferred } from '../deferred.js';
import type { DnsAnswer } from '../dns/index.js';
import type { EventDraft, Redactor } from '../events/index.js';
import type { FeedbackFile } from '../feedback/index.js';
import { escapeForTerminal } from '../output/index.js';
import { VERSION } from '../package.js';
import type { Mode } from '../policy/index.js';
import { TlsCoverage } from '../tls-coverage/index.js';
import type { Command } from './command.js';
import type { Enforcement } from './enforcement.js';
import { Intake } from './intake.js';
import {
  alertDelivery,
  enforcementGap,
  eventsLost,
  modeChanged,
  policyLoaded,
  ruleFlood,
  sessionEnd,
  sessionStart,
} from './own-events.js';
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
  readonly #notes: string[] = [];
  readonly #over: Deferred<EndReason> = deferred();
  readonly #closed: Deferred<SessionResult> = deferred();
  readonly #views: View[] = [];
  #paused = false;
  #writerLost = 0;
  #logFailure = '';
  /** Everything is denied, because the log cannot be written. */
  #isBlocked = false;
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
            onAnswer: (message, answer) => this.#learn(enforcement, message, answer),
          }),
    });
    writer.onFailure = ({ message }) => this.#onLogFailure(message);
    writer.onRecovered = () => this.#onLogRecovered();
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
    if (enforcement !== undefined) this.#beginStaging(enforcement);
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
    if (enforcement !== undefined) this.#tellOfPolicy(enforcement, 'session_start');
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
    const blocked = this.#isBlocked ? ['The log cannot be written, and everything is denied meanwhile.'] : [];
    return [...(enforcement?.notes ?? []), ...(staging?.notes ?? []), ...blocked];
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
      lost: this.intake.lost + this.#unreported(),
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

  /** Switches the mode of a rule, or of all, in one step. @throws Error with one sentence; nothing is changed then. */
  async mode(mode: Mode, rule?: string): Promise<ModeResult> {
    const enforcement = this.#enforcement();
    const { agentId, loader } = this.#parts;
    await enforcement.switchMode(loader, mode, rule);
    this.#parts.staging?.follow(enforcement.rules);
    if (mode === 'audit') this.#parts.staging?.restart(rule);
    const { sha256 } = enforcement;
    this.#record(modeChanged(agentId, this.id, { mode, rule, sha256, tier: loader.hello.tier }));
    await enforcement.keep(loader);
    return { mode, policy_sha256: sha256, ...(rule === undefined ? {} : { rule }) };
  }

  /** Puts the policy as its file is now in force in one step. @throws Error with one sentence; nothing is changed then. */
  async reload(): Promise<ReloadResult> {
    const enforcement = this.#enforcement();
    await enforcement.reload(this.#parts.loader);
    this.#parts.staging?.follow(enforcement.rules);
    this.#parts.alerts?.follow(enforcement.alerts);
    await enforcement.keep(this.#parts.loader);
    this.#tellOfPolicy(enforcement, 'reload');
    this.#tellViews();
    const { mode, sha256, file } = enforcement;
    return { mode, policy: file, policy_sha256: sha256, notes: this.policyNotes };
  }

  #enforcement(): Enforcement {
    const { enforcement, agentId } = this.#parts;
    if (enforcement === undefined) throw new Error(`${agentId} is only recorded: there is no policy over it.`);
    return enforcement;
  }

  #tellOfPolicy({ mode, sha256 }: Enforcement, reason: string): void {
    const { agentId, loader, staging } = this.#parts;
    const { tier } = loader.hello;
    const { policyNotes: notes } = this;
    const auditHours = staging?.auditHours;
    const loaded = policyLoaded(agentId, this.id, { mode, sha256, tier, notes, reason, auditHours });
    this.#guard(() => this.intake.own(loaded));
  }

  /** From here on rules that prove quiet are enforced. */
  #beginStaging(enforcement: Enforcement): void {
    const { agentId, loader, staging, say } = this.#parts;
    const policy = (): { sha256: string; tier: string } => ({ sha256: enforcement.sha256, tier: loader.hello.tier });
    const tell = (text: string): void => {
      this.#notes.push(text);
      say(text);
    };
    const flooded = new Set<string>();
    staging?.start({
      promote: async (quiet) => {
        const names = await enforcement.promote(loader, quiet);
        await enforcement.keep(loader);
        staging.follow(enforcement.rules);
        return names;
      },
      onMoved: (move) => {
        const rule = move.rule.name;
        this.#record(modeChanged(agentId, this.id, { mode: 'enforce', rule, ...policy(), move }));
        say(`Rule ${rule} is enforced now: ${move.why}.`);
      },
      onFlood: (rule, action) => {
        this.#record(ruleFlood(agentId, this.id, { rule, ...policy() }));
        const wayOut = action === 'BLOCKED' ? `; agentgov mode ${rule} audit lets that go on` : '';
        if (!flooded.has(rule)) tell(`Rule ${rule} was met more than 100 times within a minute${wayOut}.`);
        flooded.add(rule);
      },
      onProblem: tell,
    });
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
    if (await this.#makeRoom()) reason = { kind: 'log_failed', cause: this.#logFailure };
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

  /** What the writer could not take is said in the log, once there is a place for it. @returns whether there was any. */
  async #makeRoom(): Promise<boolean> {
    const { writer } = this.#parts;
    await writer.flush();
    if (writer.pendingBytes > 0) this.intake.retract(await writer.abandon());
    return this.#reportLost() > 0;
  }

  /** Addresses of names that rules speak of. What cannot be written is a rule that does not hold: that is said. */
  #learn(enforcement: Enforcement, message: DnsMessage, answer: DnsAnswer): void {
    void enforcement.learn(this.#parts.loader, message, answer).catch((error: unknown) => {
      this.#notes.push(
        `An address of ${answer.question} could not be put into the policy: ${(error as Error).message}`,
      );
    });
  }

  /** An agent that is held must not get free by filling a disk. */
  #onLogFailure(cause: string): void {
    this.#logFailure = cause;
    const { enforcement, say } = this.#parts;
    const next = enforcement?.onLogFailure ?? 'end';
    if (next === 'end') this.end({ kind: 'log_failed', cause });
    else if (next === 'stop') void this.#stopFor(cause);
    else if (next === 'block') void this.#blockFor(cause);
    else say(`${cause}; the policy holds meanwhile, and events are kept, up to 16 MiB, then counted.`);
  }

  /** What is not even recorded does not happen. */
  async #blockFor(cause: string): Promise<void> {
    const { loader, say } = this.#parts;
    this.#isBlocked = true;
    try {
      await loader.block();
      say(`${cause}; all that the policy is asked about is denied meanwhile (on_log_failure).`);
    } catch (error) {
      await this.#stopFor(`${cause}, and nothing could be blocked (${(error as Error).message})`);
    }
  }

  /** @throws nothing: a loader that is gone has ended the session, and one that refuses leaves all denied. */
  async #unblock(): Promise<void> {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    await this.#parts.loader.unblock().catch((error: unknown) => {
      this.#notes.push(`The agent stays blocked: ${(error as Error).message}`);
    });
  }

  /** What cannot be killed stays held. */
  async #stopFor(cause: string): Promise<void> {
    const { say } = this.#parts;
    try {
      const { killed, left } = await this.#kill();
      say(`${cause}; so the agent was stopped (on_log_failure): ${killed} killed, ${left} live on.`);
      if (left === 0) this.end({ kind: 'log_failed', cause });
    } catch (error) {
      say(`${cause}; and the agent could not be stopped: ${(error as Error).message}`);
      this.end({ kind: 'log_failed', cause });
    }
  }

  #onLogRecovered(): void {
    const lost = this.#reportLost();
    void this.#unblock();
    this.#parts.say(`The log can be written again: ${lost === 0 ? 'nothing was lost' : `${lost} events were LOST`}.`);
  }

  /** What the writer could not take goes into the log as a count. @returns how many, since this was done last. */
  #reportLost(): number {
    const lost = this.#unreported();
    if (lost === 0) return 0;
    this.#writerLost += lost;
    this.#guard(() => this.intake.missing({ count: lost, reason: 'log_failed' }));
    return lost;
  }

  #unreported(): number {
    return this.#parts.writer.lostEvents - this.#writerLost;
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
