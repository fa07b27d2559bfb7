import type { AgentEvent } from '../../events/index.js';
import type { Subject, Verdict } from '../engine/engine.js';
import { operationsIn } from '../engine/run.js';

/** One thing that the policy would have stopped, however often it was done. */
export interface Finding {
  readonly verdict: Verdict;
  readonly event_type: string;
  readonly access?: string;
  /** Path, `path -> path_to`, host and port, or tool. */
  readonly object: string;
  readonly exe?: string;
  /** Lines of the recording, and the operations that they stand for. */
  events: number;
  operations: number;
  readonly first: Place;
  /** The first event itself, and who did it. */
  readonly sample: AgentEvent;
  readonly subject: Subject;
}

/** Where in which recording. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly seq?: number;
  readonly timestamp?: string;
  readonly pid?: number;
}

/** Recordings are made by agents: what they can make us remember has an end. */
const MAX_FINDINGS = 100_000;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** What it was done to, in a few words. */
export function objectOf(event: AgentEvent): string {
  const { path, path_to: to, dest_domain: domain, dest_ip: ip, local_ip: own } = event;
  const port = event.dest_port ?? event.local_port;
  if (event.event_type === 'tool_call' && event.tool !== undefined) return String(event.tool);
  if (path !== undefined)
    return to !== undefined && event.event_type !== 'file_create' ? `${path} -> ${to}` : String(path);
  const host = domain ?? ip ?? own;
  if (host !== undefined) return port === undefined ? String(host) : `${host}:${port}`;
  return String(event.tool ?? event.value ?? event.request ?? event.signal ?? '');
}

const placeOf = (event: AgentEvent, file: string, line: number): Place => ({
  file,
  line,
  ...(typeof event.seq === 'number' && { seq: event.seq }),
  ...(typeof event.timestamp === 'string' && { timestamp: event.timestamp }),
  ...(typeof event.pid === 'number' && { pid: event.pid }),
});

/** All that was found, each thing once, in the order in which it was seen first. */
export class Findings {
  readonly #byKey = new Map<string, Finding>();
  /** Events whose finding had no room any more. */
  cut = 0;

  add(verdict: Verdict, event: AgentEvent, subject: Subject, file: string, line: number): void {
    const object = objectOf(event);
    const key = `${verdict.name}\u0000${verdict.by}\u0000${event.event_type}\u0000${event.access ?? ''}\u0000${object}\u0000${subject.exe ?? ''}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.events++;
      known.operations += operationsIn(event);
      return;
    }
    if (this.#byKey.size >= MAX_FINDINGS) {
      this.cut++;
      return;
    }
    const access = text(event.access);
    const { exe } = subject;
    this.#byKey.set(key, {
      verdict,
      event_type: String(event.event_type),
      ...(access !== undefined && { access }),
      object,
      ...(exe !== undefined && { exe }),
      events: 1,
      operations: operationsIn(event),
      first: placeOf(event, file, line),
      sample: event,
      subject,
    });
  }

  get all(): Finding[] {
    return [...this.#byKey.values()];
  }
}
