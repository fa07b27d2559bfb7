// What a session does while its log cannot be written: what the policy says (on_log_failure), and what was lost meanwhile goes
// into the log as a count once there is a place for it.
import type { AuditWriter } from '../audit/index.js';
import type { Loader } from '../bpf/index.js';
import type { Enforcement } from './enforcement.js';
import type { Intake } from './intake.js';
import type { EndReason } from './reasons.js';

export interface LogFailureParts {
  loader: Loader;
  writer: AuditWriter;
  intake: Intake;
  enforcement: Enforcement | undefined;
  /** Kills the tree. @throws Error with one sentence */
  kill: () => Promise<{ killed: number; left: number }>;
  /** Asks for the session's end. */
  end: (reason: EndReason) => void;
  /** A sentence for `status` and session_end. */
  note: (text: string) => void;
  /** One line for the user. */
  say: (line: string) => void;
  /** Runs what writes events. */
  guard: (work: () => void) => void;
}

export class LogFailure {
  readonly #parts: LogFailureParts;
  #reported = 0;
  #cause = '';
  #isBlocked = false;

  constructor(parts: LogFailureParts) {
    this.#parts = parts;
    parts.writer.onFailure = ({ message }) => this.#onFailure(message);
    parts.writer.onRecovered = () => this.#onRecovered();
  }

  /** Events that the writer could not take and no line of the log tells of yet. */
  get unreported(): number {
    return this.#parts.writer.lostEvents - this.#reported;
  }

  /** What is to be known of the policy in force, one sentence each. */
  get notes(): string[] {
    return this.#isBlocked ? ['The log cannot be written, and everything is denied meanwhile.'] : [];
  }

  /** At the end: what cannot be written is given up, and counted. @returns why the session ends, when that happened. */
  async settle(): Promise<EndReason | undefined> {
    const { writer, intake } = this.#parts;
    await writer.flush();
    if (writer.pendingBytes > 0) intake.retract(await writer.abandon());
    return this.#report() > 0 ? { kind: 'log_failed', cause: this.#cause } : undefined;
  }

  /** An agent that is held must not get free by filling a disk. */
  #onFailure(cause: string): void {
    this.#cause = cause;
    const { enforcement, end, say } = this.#parts;
    const next = enforcement?.onLogFailure ?? 'end';
    if (next === 'end') end({ kind: 'log_failed', cause });
    else if (next === 'stop') void this.#stop(cause);
    else if (next === 'block') void this.#block(cause);
    else say(`${cause}; the policy holds meanwhile, and events are kept, up to 16 MiB, then counted.`);
  }

  /** What is not even recorded does not happen. */
  async #block(cause: string): Promise<void> {
    const { loader, say } = this.#parts;
    this.#isBlocked = true;
    try {
      await loader.block();
      say(`${cause}; all that the policy is asked about is denied meanwhile (on_log_failure).`);
    } catch (error) {
      await this.#stop(`${cause}, and nothing could be blocked (${(error as Error).message})`);
    }
  }

  /** @throws nothing: a loader that is gone has ended the session, and one that refuses leaves all denied. */
  async #unblock(): Promise<void> {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    const { loader, note } = this.#parts;
    await loader.unblock().catch((error: unknown) => note(`The agent stays blocked: ${(error as Error).message}`));
  }

  /** What cannot be killed stays held. */
  async #stop(cause: string): Promise<void> {
    const { kill, end, say } = this.#parts;
    try {
      const { killed, left } = await kill();
      say(`${cause}; so the agent was stopped (on_log_failure): ${killed} killed, ${left} live on.`);
      if (left === 0) end({ kind: 'log_failed', cause });
    } catch (error) {
      say(`${cause}; and the agent could not be stopped: ${(error as Error).message}`);
      end({ kind: 'log_failed', cause });
    }
  }

  #onRecovered(): void {
    const lost = this.#report();
    void this.#unblock();
    this.#parts.say(`The log can be written again: ${lost === 0 ? 'nothing was lost' : `${lost} events were LOST`}.`);
  }

  /** What the writer could not take goes into the log as a count. @returns how many, since this was done last. */
  #report(): number {
    const lost = this.unreported;
    if (lost === 0) return 0;
    this.#reported += lost;
    this.#parts.guard(() => this.#parts.intake.missing({ count: lost, reason: 'log_failed' }));
    return lost;
  }
}
