import { type AuditWriter, type Finding, findingOf } from '../audit/index.js';
import type { DnsMessage, Lost, Notice } from '../bpf/index.js';
import type { Joiner } from '../cause/index.js';
import { type DnsAnswer, DnsReader, DomainMap, dnsAnswerEvent } from '../dns/index.js';
import type { AgentEvent, EventDraft, Redactor } from '../events/index.js';
import type { Chunk, ConnectionEnd, Conversations, Peer } from '../tls/index.js';
import type { TlsCoverage } from '../tls-coverage/index.js';
import { BulkFilter } from './bulk.js';
import type { OpenConversations } from './plaintext.js';

type Log = Pick<AuditWriter, 'append' | 'appendPrepared'>;

export interface IntakeOptions {
  agentId: string;
  log: Log;
  redactor: Pick<Redactor, 'redact'>;
  domains?: DomainMap;
  /** Counts what of the tree's TLS is read, where that is captured. */
  coverage?: TlsCoverage;
  /** Understands plaintext, where it is captured. */
  openConversations?: OpenConversations;
  /** What a policy is against comes with the number of its rule: this gives it the rule's name. */
  verdict?: (event: AgentEvent) => AgentEvent;
  /** Something was denied: the event as it goes into the log. */
  onDenied?: (event: AgentEvent) => void;
  /** Somebody is to be told of an event: as it stands in the log; without its place and hashes where it got none. */
  onAlert?: (event: AgentEvent) => void;
  /** An answer about a name has come to the tree. */
  onAnswer?: (message: DnsMessage, answer: DnsAnswer) => void;
  /** Makes the events_lost event of a loss. */
  lossEvent: (loss: { class?: string; count: number; reason: string }) => EventDraft;
  /** Makes the enforcement_gap event of programs that were skipped. */
  gapEvent: (count: number) => EventDraft;
}

/**
 * The way of an event from the loader into the log. Nothing waits in here: each line is in the writer when the call
 * returns.
 */
export class Intake {
  /** Events in the log, and events known to be missing, since the session began. */
  events = 0;
  lost = 0;
  /** Losses that the loader reported, by class. */
  readonly lostByClass = new Map<string, number>();
  readonly findings = new Map<Finding, number>();

  readonly #options: IntakeOptions;
  readonly #domains: DomainMap;
  readonly #answers = new DnsReader();
  readonly #bulk = new BulkFilter();
  readonly #conversations: Conversations | undefined;
  readonly #joiner: Joiner | undefined;
  /** What came before the session's first event was written. */
  #early: (() => void)[] | undefined = [];

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#domains = options.domains ?? new DomainMap();
    if (options.openConversations === undefined) return;
    const heard = options.openConversations((event) => this.#record(this.#named(event as AgentEvent)));
    this.#conversations = heard.conversations;
    this.#joiner = heard.joiner;
  }

  /** Writes session_start, and what has come since governing began behind it. */
  begin(start: EventDraft): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    this.own(start);
    for (const take of early) take();
  }

  /** One event line of the loader. */
  line(line: string): void {
    if (this.#early !== undefined) {
      this.#early.push(() => this.line(line));
      return;
    }
    if (this.#bulk.isBulk(line) && this.#joiner?.concerns(line) !== true) {
      this.#count(this.#options.log.appendPrepared(line));
      return;
    }
    const event = this.#named(JSON.parse(line) as AgentEvent);
    const told = event.policy_rule === undefined ? event : (this.#options.verdict?.(event) ?? event);
    this.#record(this.#joiner?.explained(told) ?? told);
    this.#options.coverage?.event(told);
  }

  /** A message of the loader that answers no command. The session's own business is none of it. */
  notice(notice: Notice): void {
    if (this.#early !== undefined) this.#early.push(() => this.notice(notice));
    else if (notice.msg === 'lost') this.#loss(notice);
    else if (notice.msg === 'dns') this.#dns(notice);
    else if (notice.msg === 'tls_library') this.#options.coverage?.library(notice);
    else if (notice.msg === 'tls_unmapped') this.#options.coverage?.unmapped(notice);
    else if (notice.msg === 'tls_hello') this.#options.coverage?.hello(notice);
  }

  /** What is known of a connection whose plaintext is captured. */
  peer(peer: Peer): void {
    this.#options.coverage?.peer(peer);
    this.#onPlaintext((conversations) => {
      conversations.peer(peer);
      this.#joiner?.peer(peer);
    });
  }

  /** A piece of its plaintext, in the order of events and notices. */
  chunk(chunk: Chunk): void {
    this.#options.coverage?.chunk(chunk);
    this.#onPlaintext((conversations) => conversations.chunk(chunk));
  }

  connectionEnd(end: ConnectionEnd): void {
    this.#options.coverage?.end(end);
    this.#onPlaintext((conversations) => conversations.end(end));
  }

  /** There will be no more plaintext: what is unfinished is told. */
  finish(): void {
    this.#onPlaintext((conversations) => conversations.close());
    this.#options.coverage?.finish();
  }

  /** An event of agentgov itself. @returns false when it got no place in the log. */
  own(event: EventDraft): boolean {
    return this.#record(event as AgentEvent) !== undefined;
  }

  /** Events that are missing; said in the log and counted. */
  missing(loss: { class?: string; count: number; reason: string }): void {
    this.lost += loss.count;
    this.own(this.#options.lossEvent(loss));
  }

  /** What no tool call explains; undefined where nobody listens to them. */
  get unmatched(): number | undefined {
    return this.#joiner?.unmatched;
  }

  /** Lines that were counted and then could not be written after all. */
  retract(events: number): void {
    this.events -= events;
  }

  #onPlaintext(work: (conversations: Conversations) => void): void {
    if (this.#conversations === undefined) return;
    if (this.#early !== undefined) this.#early.push(() => this.#onPlaintext(work));
    else work(this.#conversations);
  }

  #loss({ class: kind, count, reason }: Lost): void {
    this.lostByClass.set(kind, (this.lostByClass.get(kind) ?? 0) + count);
    // What was skipped has told nothing, but no event is missing.
    if (kind === 'verdict' && reason === 'recursion') this.own(this.#options.gapEvent(count));
    else this.missing({ class: kind, count, reason });
  }

  #dns(message: DnsMessage): void {
    for (const answer of this.#answers.read(message)) {
      this.#domains.learn(answer);
      this.#options.onAnswer?.(message, answer);
      this.#record(dnsAnswerEvent(message, answer, this.#options.agentId) as AgentEvent);
    }
  }

  #named(event: AgentEvent): AgentEvent {
    if (typeof event.dest_ip !== 'string' || event.dest_domain !== undefined) return event;
    const domain = this.#domains.lookup(event.dest_ip);
    return domain === undefined ? event : { ...event, dest_domain: domain };
  }

  /** @returns its `seq`; undefined where it got no place in the log. */
  #record(event: AgentEvent): number | undefined {
    const finding = findingOf(String(event.event_type), String(event.action), event.coverage);
    if (finding !== undefined) this.findings.set(finding, (this.findings.get(finding) ?? 0) + 1);
    const clean = this.#options.redactor.redact(event);
    const appended = this.#options.log.append(clean);
    this.#count(appended);
    if (event.action === 'BLOCKED') this.#options.onDenied?.(clean as AgentEvent);
    if (event.alert === true)
      this.#options.onAlert?.((appended === undefined ? clean : JSON.parse(appended.line)) as AgentEvent);
    return appended?.seq;
  }

  // What got no place is counted by the writer, and told when there is a place again.
  #count(appended: object | undefined): void {
    if (appended !== undefined) this.events += 1;
  }
}
