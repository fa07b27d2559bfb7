import type { AgentEvent } from '../events/index.js';
import type { Subject } from '../policy/index.js';
import type { Role } from './model.js';

/** Which processes are the agent's own: its roots, whatever these become, and forks that still run its program. */
export class Roles {
  readonly #roots = new Set<number>();
  readonly #agents = new Set<number>();

  of({ pid, ppid, event_type: type }: AgentEvent): Role {
    if (typeof pid !== 'number') return 'child';
    const isFork = type === 'process_fork' && typeof ppid === 'number' && this.#agents.has(ppid);
    return isFork || this.#agents.has(pid) ? 'agent' : 'child';
  }

  /** `by`: who did what the event says. */
  learn(event: AgentEvent, by: Subject): void {
    const { event_type: type, pid, target_pids: roots } = event;
    if (type === 'session_start') {
      this.#roots.clear();
      this.#agents.clear();
      for (const root of Array.isArray(roots) ? roots.map(Number) : []) {
        this.#roots.add(root);
        this.#agents.add(root);
      }
      return;
    }
    if (typeof pid !== 'number') return;
    if (type === 'process_fork') {
      if (this.of(event) === 'agent') this.#agents.add(pid);
    } else if (type === 'process_exec' && event.errno === undefined) {
      // An agent that starts itself anew is still the agent.
      if (!this.#roots.has(pid) && event.path !== by.exe) this.#agents.delete(pid);
    } else if (type === 'process_exit') {
      this.#agents.delete(pid);
      this.#roots.delete(pid);
    }
  }
}
