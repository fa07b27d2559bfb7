// The policy that a session holds: its modes, its next version, what its roll-out moves, and what the log and the user are told of that.
import type { Alerts } from '../alerts/index.js';
import type { DnsMessage, Loader } from '../bpf/index.js';
import type { ModeResult, ReloadResult } from '../control/index.js';
import type { DnsAnswer } from '../dns/index.js';
import type { EventDraft } from '../events/index.js';
import type { Mode } from '../policy/index.js';
import type { Enforcement } from './enforcement.js';
import { modeChanged, policyLoaded, ruleFlood } from './own-events.js';
import type { Staging } from './staging.js';

export interface HeldPolicyParts {
  agentId: string;
  sessionId: string;
  loader: Loader;
  enforcement: Enforcement;
  staging: Staging | undefined;
  alerts: Alerts | undefined;
  /** What is to be known of the policy in force, one sentence each. */
  notes: () => string[];
  /** A sentence for `status` and session_end. */
  note: (text: string) => void;
  /** One line for the user. */
  say: (line: string) => void;
  /** Writes an event of agentgov itself. */
  record: (event: EventDraft) => void;
}

export class HeldPolicy {
  readonly #parts: HeldPolicyParts;

  constructor(parts: HeldPolicyParts) {
    this.#parts = parts;
  }

  /** Says that the policy is in force. `reason`: since what. */
  tell(reason: string): void {
    const { agentId, sessionId, staging, record, notes } = this.#parts;
    const loaded = { ...this.#facts, notes: notes(), reason, auditHours: staging?.auditHours };
    record(policyLoaded(agentId, sessionId, loaded));
  }

  /** Switches the mode of a rule, or of all, in one step. @throws Error with one sentence; nothing is changed then. */
  async mode(mode: Mode, rule?: string): Promise<ModeResult> {
    const { agentId, sessionId, loader, enforcement, staging, record } = this.#parts;
    await enforcement.switchMode(loader, mode, rule);
    staging?.follow(enforcement.rules);
    if (mode === 'audit') staging?.restart(rule);
    const { sha256, tier } = this.#facts;
    record(modeChanged(agentId, sessionId, { mode, rule, sha256, tier }));
    await enforcement.keep(loader);
    return { mode, policy_sha256: sha256, ...(rule === undefined ? {} : { rule }) };
  }

  /** Puts the policy as its file is now in force in one step. @throws Error with one sentence; nothing is changed then. */
  async reload(): Promise<ReloadResult> {
    const { loader, enforcement, staging, alerts, notes } = this.#parts;
    await enforcement.reload(loader);
    staging?.follow(enforcement.rules);
    alerts?.follow(enforcement.alerts);
    await enforcement.keep(loader);
    this.tell('reload');
    const { mode, sha256, file } = enforcement;
    return { mode, policy: file, policy_sha256: sha256, notes: notes() };
  }

  /** Addresses of names that rules speak of. What cannot be written is a rule that does not hold: that is said. */
  learn(message: DnsMessage, answer: DnsAnswer): void {
    const { loader, enforcement, note } = this.#parts;
    void enforcement.learn(loader, message, answer).catch((error: unknown) => {
      note(`An address of ${answer.question} could not be put into the policy: ${(error as Error).message}`);
    });
  }

  /** From here on rules that prove quiet are enforced. */
  beginStaging(): void {
    const { agentId, sessionId, loader, enforcement, staging, note, say, record } = this.#parts;
    const tell = (text: string): void => {
      note(text);
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
        record(modeChanged(agentId, sessionId, { ...this.#facts, mode: 'enforce', rule, move }));
        say(`Rule ${rule} is enforced now: ${move.why}.`);
      },
      onFlood: (rule, action) => {
        const { sha256, tier } = this.#facts;
        record(ruleFlood(agentId, sessionId, { rule, sha256, tier }));
        const wayOut = action === 'BLOCKED' ? `; agentgov mode ${rule} audit lets that go on` : '';
        if (!flooded.has(rule)) tell(`Rule ${rule} was met more than 100 times within a minute${wayOut}.`);
        flooded.add(rule);
      },
      onProblem: tell,
    });
  }

  get #facts(): { mode: Mode; sha256: string; tier: string } {
    const { enforcement, loader } = this.#parts;
    return { mode: enforcement.mode, sha256: enforcement.sha256, tier: loader.hello.tier };
  }
}
