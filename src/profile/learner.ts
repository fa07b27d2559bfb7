import { createHash } from 'node:crypto';
import { findingOf } from '../audit/index.js';
import type { AgentEvent } from '../events/index.js';
import { asksOf, failedBefore, operationsIn, type Subject, Subjects } from '../policy/index.js';
import type { Entry, Profile, Session, Target } from './model.js';
import { Roles } from './roles.js';
import { isFileVerb, type Verb, verbOf } from './verbs.js';

/** Different things in one profile; what is beyond is counted, and makes it partial. */
export const MOST_ENTRIES = 400_000;
/** The wall clock may run this much beside the kernel's before it counts as a jump, in µs. */
const JUMP_US = 60e6;

/** Tool calls of which the name is remembered, the newest: as many as may still explain something, and more. */
const MOST_CALLS = 1024;

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const timeOf = ({ timestamp }: AgentEvent): string =>
  typeof timestamp === 'string' && TIME.test(timestamp) ? timestamp : '';

/** A pid says nothing about the next run: the process's own becomes `self`, any other one `*`. */
function withoutPid(path: string, { pid, pid_inner: inner, tid }: AgentEvent): string {
  const found = path.startsWith('/proc/') ? /^\/proc\/(\d+)(?=\/|$)/.exec(path) : null;
  if (found === null) return path;
  const whose = Number(found[1]);
  return `/proc/${whose === pid || whose === inner || whose === tid ? 'self' : '*'}${path.slice(found[0].length)}`;
}

/** A recording may have been written by anybody, and one number that a profile cannot hold would spoil all of it. */
const port = (value: unknown): number | undefined => {
  const found = number(value);
  return found !== undefined && found >= 0 && found <= 65_535 ? found : undefined;
};

function targetOf(event: AgentEvent, verb: Verb, path: string | undefined): Target {
  if (isFileVerb(verb)) return { path: path === undefined ? '' : withoutPid(path, event) };
  switch (verb) {
    case 'exec':
    case 'unix_connect':
      return { path: path ?? '' };
    case 'network_connect':
    case 'network_send': {
      const domain = text(event.dest_domain);
      return {
        ...(domain === undefined ? { ip: text(event.dest_ip) } : { domain }),
        port: port(event.dest_port),
        protocol: text(event.protocol),
      };
    }
    case 'network_bind':
    case 'network_listen':
      if (path !== undefined) return { path };
      return { ip: text(event.local_ip), port: port(event.local_port), protocol: text(event.protocol) };
    case 'tool_call':
      return { tool: text(event.tool) };
    default:
      return {};
  }
}

/** Takes the events of one log in their order into a profile. One learner a log: processes and clocks are its own. */
export class Learner {
  #session: Session | undefined;
  readonly #subjects = new Subjects();
  readonly #roles = new Roles();
  /** Names of tools, by the `seq` of their calls. */
  readonly #calls = new Map<unknown, string>();
  #entries: number;
  /** Of the session: kernel's clock at its start and now, and where both clocks stood last. */
  #beganUs: number | undefined;
  #lastUs = 0;
  #lastWallMs = 0;

  constructor(
    readonly profile: Profile,
    /** The recording verified. */
    readonly verified: boolean,
    /** Called with each thing that was not in the profile before. */
    readonly onNew: (entry: Entry, subject: Subject) => void = () => {},
  ) {
    this.#entries = countEntries(profile);
  }

  take(event: AgentEvent): void {
    if (event.event_type === 'session_start' || this.#session === undefined) this.#enter(event);
    const session = this.#sessionOf(event);
    const time = timeOf(event);
    session.events++;
    this.#clock(session, event, time);
    if (event.event_type === 'session_end') session.ended = true;
    else if (event.event_type === 'events_lost') session.lost += number(event.count) ?? 1;
    else if (findingOf(String(event.event_type), String(event.action), event.coverage) === 'blind') session.blind++;
    this.#operations(session, event, time);
  }

  #operations(session: Session, event: AgentEvent, time: string): void {
    const subject = this.#subjects.of(event);
    // What a policy or the file system refused did not happen. What one would have refused is told by the call itself too.
    const { action } = event;
    const happened = action !== 'BLOCKED' && action !== 'WOULD_BLOCK' && action !== 'HELD' && !failedBefore(event);
    if (happened) {
      const asked = asksOf(event);
      if (asked.length > 0) {
        const role = this.#roles.of(event);
        const key = { role, exe: subject.exe, script: role === 'agent' ? subject.script : undefined };
        const program = this.profile.program(key);
        const times = operationsIn(event);
        for (const { ask, path } of asked) {
          const verb = verbOf(ask);
          const before = program.entries.size;
          const target = targetOf(event, verb, path);
          if (this.#entries >= MOST_ENTRIES && !program.knows(verb, target)) {
            session.unkept++;
            continue;
          }
          const entry = program.entry(verb, target);
          entry.add(session, times, time, time);
          const address = target.domain === undefined ? undefined : text(event.dest_ip);
          if (address !== undefined) entry.address(address);
          const tool = this.#calls.get(event.cause_seq);
          if (tool !== undefined) entry.tool(tool);
          this.#entries += program.entries.size - before;
          if (program.entries.size > before) this.onNew(entry, subject);
        }
      }
    }
    if (event.event_type === 'tool_call') this.#remember(event);
    this.#subjects.learn(event);
    this.#roles.learn(event, subject);
  }

  #remember({ seq, tool }: AgentEvent): void {
    if (typeof tool !== 'string') return;
    this.#calls.set(seq, tool);
    if (this.#calls.size > MOST_CALLS) this.#calls.delete(this.#calls.keys().next().value);
  }

  /** The session that begins with this event, or is under way where the log begins. */
  #enter(event: AgentEvent): void {
    const isStart = event.event_type === 'session_start';
    const agent = text(event.agent_id) ?? 'unknown';
    const id = (isStart ? text(event.session_id) : undefined) ?? unnamed(event);
    this.#session = this.profile.session(id, agent, text(event.run_id) ?? id);
    this.#session.verified &&= this.verified;
    // What shows no beginning need not show an end: another writer's log knows no sessions.
    if (!isStart) this.#session.ended = true;
    this.#beganUs = undefined;
    this.#lastUs = 0;
    const tier = text(event.tier);
    if (isStart && tier !== undefined) this.#session.tier = tier;
  }

  /** A log that several agents write shows no sessions of its own for each. */
  #sessionOf(event: AgentEvent): Session {
    const session = this.#session as Session;
    const agent = text(event.agent_id);
    if (agent === undefined || agent === session.agent) return session;
    const other = this.profile.session(session.id, agent, session.run);
    other.tier = session.tier;
    other.ended = true;
    other.verified &&= this.verified;
    return other;
  }

  #clock(session: Session, { ts_us: us }: AgentEvent, time: string): void {
    if (time !== '') {
      if (session.first === '' || time < session.first) session.first = time;
      if (time > session.last) session.last = time;
    }
    if (typeof us !== 'number') {
      // No kernel's clock: the wall's is all there is.
      if (time !== '') session.seconds = Math.round((Date.parse(session.last) - Date.parse(session.first)) / 1000);
      return;
    }
    if (this.#beganUs === undefined || us < this.#beganUs) this.#beganUs = us;
    session.seconds = Math.max(session.seconds, Math.round((us - this.#beganUs) / 1e6));
    // Looked at once a second: enough for a jump, and cheap.
    if (time === '' || us - this.#lastUs < 1e6) return;
    const wall = Date.parse(time);
    if (this.#lastUs > 0 && us > this.#lastUs) {
      const drift = (wall - this.#lastWallMs) * 1000 - (us - this.#lastUs);
      if (Math.abs(drift) > JUMP_US) session.jumps++;
    }
    this.#lastUs = us;
    this.#lastWallMs = wall;
  }
}

/** A name for what has none: the same for the same beginning of a log. */
function unnamed(event: AgentEvent): string {
  const hash = text(event.hash_self) ?? createHash('sha256').update(JSON.stringify(event)).digest('hex');
  return `log-${hash.slice(0, 16)}`;
}

export const countEntries = ({ programs }: Profile): number =>
  [...programs.values()].reduce((sum, { entries }) => sum + entries.size, 0);
