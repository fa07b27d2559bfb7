// The profile in memory: what each program of an agent's tree did, to what, how often, and in which sessions.
//
// Counts are kept for each session apart, so that two profiles which share a session (one is an earlier copy of the
// other) merge into what really happened: within a session the greater count holds, between sessions they add up. That
// makes merging commutative and idempotent.
import type { FileVerb, Verb } from './verbs.js';
import { isFileVerb } from './verbs.js';

/** One session of agentgov over the agent, or a part of a log that shows no beginning. */
export interface Session {
  readonly id: string;
  readonly agent: string;
  /** One life of a root process of the agent; several sessions can be of one run. */
  readonly run: string;
  tier: string;
  /** Wall clock of the earliest and the latest event, as in the log; empty where no event had one. */
  first: string;
  last: string;
  /** Its end was seen: what was killed shows none, nor what goes on. */
  ended: boolean;
  /** Lines of the log that were learned. */
  events: number;
  /** Events that are missing by the log's own word, and things that could not be seen. */
  lost: number;
  blind: number;
  /** Operations that were not kept: there were too many different ones. */
  unkept: number;
  /** Watched, by the kernel's clock. */
  seconds: number;
  /** How often the wall clock jumped by more than a minute. */
  jumps: number;
  /** The recording verified, or was being written by us. */
  verified: boolean;
}

/** agent: the agent's own process and its forks. child: a program that it runs. */
export type Role = 'agent' | 'child';

export interface ProgramKey {
  /** Absent where the recording does not say who acted. */
  readonly exe?: string | undefined;
  readonly role: Role;
  /** Script of an interpreter; only where the role is `agent`, whose identity it is. */
  readonly script?: string | undefined;
}

/** What it was done to. Each verb uses some of these. */
export interface Target {
  readonly path?: string | undefined;
  /** More names directly in the folder `path` than are kept one by one. */
  readonly many?: true | undefined;
  readonly domain?: string | undefined;
  /** Address of a destination without a name, or the own one of a socket that waits. */
  readonly ip?: string | undefined;
  readonly port?: number | undefined;
  readonly protocol?: string | undefined;
  readonly tool?: string | undefined;
}

/** So many names of one folder are kept for a verb of a program; with more it becomes one entry for the folder. */
export const MOST_NAMES = 1024;
/** Addresses kept for one name; clouds have no end of them. */
const MOST_ADDRESSES = 16;
/** Tools kept for one thing. */
const MOST_TOOLS = 16;
const NONE: ReadonlySet<string> = new Set();

export const keyOf = (verb: Verb, { path, many, domain, ip, port, protocol, tool }: Target): string =>
  path !== undefined
    ? `${verb}\u0000${path}${many ? '\u0000' : ''}`
    : `${verb}\u0000\u0000${domain ?? ''}\u0000${ip ?? ''}\u0000${port ?? ''}\u0000${protocol ?? ''}\u0000${tool ?? ''}`;

export class Entry {
  first = '';
  last = '';
  #sessions: Session[] = [];
  #times: number[] = [];
  /** Of a destination that is known by name; most entries have none. */
  #addresses: Set<string> | undefined;
  /** Tools whose calls explain it; most entries have none. */
  #tools: Set<string> | undefined;

  constructor(
    readonly verb: Verb,
    readonly target: Target,
  ) {}

  /** Beside `times`: in which sessions it was done. */
  get sessions(): readonly Session[] {
    return this.#sessions;
  }

  /** How many operations each of `sessions` had. */
  get times(): readonly number[] {
    return this.#times;
  }

  get total(): number {
    return this.times.reduce((sum, times) => sum + times, 0);
  }

  add(session: Session, times: number, first: string, last: string): void {
    this.#take(session, (known) => known + times);
    this.#seen(first, last);
  }

  get addresses(): ReadonlySet<string> {
    return this.#addresses ?? NONE;
  }

  address(address: string): void {
    this.#addresses ??= new Set();
    if (this.#addresses.size < MOST_ADDRESSES) this.#addresses.add(address);
  }

  get tools(): ReadonlySet<string> {
    return this.#tools ?? NONE;
  }

  tool(name: string): void {
    this.#tools ??= new Set();
    if (this.#tools.size < MOST_TOOLS) this.#tools.add(name);
  }

  /** Takes what another entry knows of other names of the same folder. */
  join(other: Entry): void {
    this.#takeTools(other);
    for (const [at, session] of other.sessions.entries())
      this.#take(session, (known) => known + (other.times[at] ?? 0));
    this.#seen(other.first, other.last);
  }

  /** Takes what another profile knows of the same; `own` finds this profile's session for one of the other's. */
  merge(other: Entry, own: (session: Session) => Session): void {
    for (const [at, session] of other.sessions.entries()) {
      this.#take(own(session), (known) => Math.max(known, other.times[at] ?? 0));
    }
    this.#seen(other.first, other.last);
    // Sorted before they are cut, so that it does not matter who was merged into whom.
    const all = [...new Set([...this.addresses, ...other.addresses])].sort();
    this.#addresses = undefined;
    for (const address of all) this.address(address);
    this.#takeTools(other);
  }

  #takeTools({ tools }: Entry): void {
    if (tools.size === 0) return;
    const all = [...new Set([...this.tools, ...tools])].sort();
    this.#tools = new Set(all.slice(0, MOST_TOOLS));
  }

  #take(session: Session, change: (known: number) => number): void {
    const [sessions, times] = [this.#sessions, this.#times];
    // The last one is nearly always the one.
    let at = sessions.length - 1;
    if (sessions[at] !== session) at = sessions.indexOf(session);
    if (at >= 0) times[at] = change(times[at] ?? 0);
    else if (sessions.length === 0) {
      // Most entries are of one session, and what grows by `push` has room for sixteen more.
      this.#sessions = [session];
      this.#times = [change(0)];
    } else {
      sessions.push(session);
      times.push(change(0));
    }
  }

  #seen(first: string, last: string): void {
    if (first !== '' && (this.first === '' || first < this.first)) this.first = first;
    if (last > this.last) this.last = last;
  }
}

/** Whether this stays an entry of its own whatever the number of its neighbours: sensitive files. */
export type IsApart = (verb: FileVerb, path: string) => boolean;

const folderOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));
const depthOf = (folder: string): number => (folder === '/' ? 0 : folder.split('/').length - 1);

/** A folder whose names may become one entry for a verb. */
interface Place {
  readonly verb: FileVerb;
  readonly folder: string;
}
const placeKey = ({ verb, folder }: Place): string => `${verb}\u0000${folder}`;

export class Program {
  readonly entries = new Map<string, Entry>();
  /** Names kept, by place. */
  readonly #names = new Map<string, number>();
  /** Places that have become one entry. */
  readonly #folded = new Map<string, Place>();

  constructor(
    readonly key: ProgramKey,
    readonly isApart: IsApart,
  ) {}

  /** The entry for this, made where there is none. */
  entry(verb: Verb, target: Target): Entry {
    const known = this.entries.get(keyOf(verb, target));
    if (known !== undefined) return known;
    const place = this.#placeOf(verb, target);
    if (place === undefined) return this.#own(verb, target);
    if (!this.#folded.has(placeKey(place)) && (this.#names.get(placeKey(place)) ?? 0) < MOST_NAMES) {
      return this.#own(verb, target);
    }
    return this.#fold(place);
  }

  /** Whether `entry` would make none. */
  knows(verb: Verb, target: Target): boolean {
    if (this.entries.has(keyOf(verb, target))) return true;
    const place = this.#placeOf(verb, target);
    return place !== undefined && this.#folded.has(placeKey(place));
  }

  /** Takes what the same program did in another profile. */
  merge(other: Program, own: (session: Session) => Session): void {
    for (const place of other.#folded.values()) this.#fold(place);
    // A folder that is one entry on either side is summed before it is compared.
    const sums = new Map<Place, Entry>();
    for (const each of other.entries.values()) {
      const place = this.#foldedPlaceOf(each);
      if (place === undefined) this.#own(each.verb, each.target).merge(each, own);
      else {
        const sum = sums.get(place) ?? new Entry(place.verb, { path: place.folder, many: true });
        sum.join(each);
        sums.set(place, sum);
      }
    }
    for (const [place, sum] of sums) this.#fold(place).merge(sum, own);
    for (const { verb, target } of [...this.entries.values()]) {
      const place = this.#placeOf(verb, target);
      if (place !== undefined && (this.#names.get(placeKey(place)) ?? 0) > MOST_NAMES) this.#fold(place);
    }
  }

  /** The entry itself, folded or not. */
  #own(verb: Verb, target: Target): Entry {
    const key = keyOf(verb, target);
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const made = new Entry(verb, target);
    this.entries.set(key, made);
    const place = this.#placeOf(verb, target);
    if (place !== undefined) this.#names.set(placeKey(place), (this.#names.get(placeKey(place)) ?? 0) + 1);
    if (target.many && target.path !== undefined && isFileVerb(verb)) {
      const folded = { verb, folder: target.path };
      this.#folded.set(placeKey(folded), folded);
    }
    return made;
  }

  /** Makes one entry of all names of a folder. */
  #fold(place: Place): Entry {
    const { verb, folder } = place;
    const isNew = !this.#folded.has(placeKey(place));
    const whole = this.#own(verb, { path: folder, many: true });
    if (!isNew) return whole;
    for (const [key, entry] of this.entries) {
      const of = this.#placeOf(entry.verb, entry.target);
      if (of === undefined || of.verb !== verb || of.folder !== folder) continue;
      whole.join(entry);
      this.entries.delete(key);
    }
    this.#names.delete(placeKey(place));
    return whole;
  }

  /** Where this is a name among others; never for what is run or is sensitive, nor right below the root. */
  #placeOf(verb: Verb, { path, many }: Target): Place | undefined {
    if (path === undefined || many || !path.startsWith('/') || !isFileVerb(verb)) return undefined;
    const folder = folderOf(path);
    return depthOf(folder) < 2 || this.isApart(verb, path) ? undefined : { verb, folder };
  }

  #foldedPlaceOf({ verb, target }: Entry): Place | undefined {
    const place =
      target.many && target.path !== undefined && isFileVerb(verb)
        ? { verb, folder: target.path }
        : this.#placeOf(verb, target);
    return place && this.#folded.get(placeKey(place));
  }
}

/** The earlier of two times, of which each may be unknown. */
const earlier = (a: string, b: string): string => (a === '' || (b !== '' && b < a) ? b : a);

export class Profile {
  /** By id and agent. */
  readonly sessions = new Map<string, Session>();
  readonly programs = new Map<string, Program>();

  constructor(readonly isApart: IsApart) {}

  program(key: ProgramKey): Program {
    const text = `${key.role}\u0000${key.exe ?? ''}\u0000${key.script ?? ''}`;
    let program = this.programs.get(text);
    if (program === undefined) {
      program = new Program(key, this.isApart);
      this.programs.set(text, program);
    }
    return program;
  }

  session(id: string, agent: string, run: string): Session {
    const key = `${id}\u0000${agent}`;
    let session = this.sessions.get(key);
    if (session === undefined) {
      session = {
        id,
        agent,
        run,
        tier: 'unknown',
        first: '',
        last: '',
        ended: false,
        events: 0,
        lost: 0,
        blind: 0,
        unkept: 0,
        seconds: 0,
        jumps: 0,
        verified: true,
      };
      this.sessions.set(key, session);
    }
    return session;
  }

  /** Takes all that another profile knows, which stays as it is. */
  merge(other: Profile): void {
    const own = new Map<Session, Session>();
    for (const theirs of other.sessions.values()) {
      const ours = this.session(theirs.id, theirs.agent, theirs.run);
      if (ours.tier === 'unknown') ours.tier = theirs.tier;
      ours.first = earlier(ours.first, theirs.first);
      if (theirs.last > ours.last) ours.last = theirs.last;
      for (const key of ['events', 'lost', 'blind', 'unkept', 'seconds', 'jumps'] as const) {
        ours[key] = Math.max(ours[key], theirs[key]);
      }
      ours.ended ||= theirs.ended;
      ours.verified &&= theirs.verified;
      own.set(theirs, ours);
    }
    for (const program of other.programs.values()) {
      this.program(program.key).merge(program, (session) => own.get(session) ?? session);
    }
  }
}
