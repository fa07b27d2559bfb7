import type { AgentEvent } from '../../events/index.js';
import type { Subject } from './engine.js';

interface Process {
  readonly start: unknown;
  readonly exe: string | undefined;
  readonly script: string | undefined;
}

const MAX = 1_000_000;
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/**
 * Which program and script each process of a recording runs. An exec event shows the new program, and only exec events
 * show a script; rules speak of whoever acts, as the kernel knows it.
 */
export class Subjects {
  readonly #processes = new Map<number, Process>();

  /** Who does what this event says. Ask before `learn`. */
  of(event: AgentEvent): Subject {
    const known =
      this.#find(event.pid, event.start_us) ??
      (event.event_type === 'process_exec' ? this.#find(event.ppid) : undefined);
    const exe = event.event_type === 'process_exec' ? known?.exe : text(event.exe);
    const script = known?.script;
    return { exe, script };
  }

  /** Takes what this event says about who runs what. */
  learn(event: AgentEvent): void {
    const { event_type: type, pid, start_us: start } = event;
    if (typeof pid !== 'number') return;
    if (type === 'process_exit') this.#processes.delete(pid);
    else if (type === 'process_fork') {
      this.#set(pid, { start, exe: text(event.exe), script: this.#find(event.ppid)?.script });
    } else if (type === 'process_exec' && event.errno === undefined) {
      this.#set(pid, { start, exe: text(event.path) ?? text(event.exe), script: text(event.script) });
    } else if (type === 'session_start') {
      // Another boot reuses every pid.
      this.#processes.clear();
    }
  }

  #set(pid: number, process: Process): void {
    // Exits can be missing from a damaged recording; then forgetting is better than growing without end.
    if (this.#processes.size >= MAX) this.#processes.clear();
    this.#processes.set(pid, process);
  }

  #find(pid: unknown, start?: unknown): Process | undefined {
    const known = typeof pid === 'number' ? this.#processes.get(pid) : undefined;
    // A pid is used again; its start says whose it is.
    return known === undefined || start === undefined || known.start === undefined || known.start === start
      ? known
      : undefined;
  }
}
