// A policy in the kernel, for as long as a session lasts; another one, or other modes, in its place meanwhile.

import { getServers } from 'node:dns';
import { readFileSync } from 'node:fs';
import { type DnsMessage, type Hello, type Loader, LoaderGone, LoaderRefusal } from '../bpf/index.js';
import type { DnsAnswer } from '../dns/index.js';
import { AgentgovError, EXIT } from '../errors.js';
import type { AgentEvent } from '../events/index.js';
import {
  type ClosingRule,
  type Compiled,
  CompileError,
  compilePolicy,
  EVERY_HOME,
  LinkError,
  loadPolicy,
  MachineLinks,
  type Mode,
  type Policy,
  parseMounts,
  type SelfProtection,
  type Sink,
  type Table,
} from '../policy/index.js';
import type { Terms, Watched } from '../rollout/index.js';
import { HostNames, type Lead } from './host-names.js';
import { NamedFiles } from './named-files.js';

/** What the user asks for. */
export interface EnforceFlags {
  policy: Policy;
  /** Over that of the policy. */
  mode?: Mode;
  /** Weaknesses that the user has named: rules that the kernel cannot hold, and `leaky-hook`. */
  accept: readonly string[];
  /** What `~` stands for; the agent's own home folder, or every one where that is not known. */
  homes?: readonly string[];
  /** When rules go from audit to enforce by themselves; without it they do not. */
  terms?: Terms;
  /** File of the key that signs the log's checkpoints, where it is not the default one. */
  key?: string;
}

export interface EnforceOptions extends EnforceFlags {
  /** What holds of agentgov itself, under each policy. */
  protect: SelfProtection;
  /** Called before something is enforced that is not yet. @throws AgentgovError where that would hold nothing. */
  mayEnforce: () => void;
  /** Called before a policy's alerts are told. @throws AgentgovError where the agent could change who is told. */
  mayTell: (sinks: readonly Sink[]) => void;
  /** Takes sentences about what does not hold since. */
  note: (text: string) => void;
  /** Rules that have proved quiet in earlier sessions, by what they meant. */
  promoted?: ReadonlyMap<string, string>;
}

/** A policy as this machine can hold it. */
interface Prepared {
  readonly policy: Policy;
  readonly compiled: Compiled;
  readonly told: Told;
  readonly files: NamedFiles;
  readonly notes: readonly string[];
  readonly half: 0 | 1;
  /** Names of each address, as far as rules may speak of them. */
  readonly names: Map<string, Set<string>>;
}

/** What rules are in which mode, beside what the policy says. */
interface Modes {
  /** Over all of them. */
  readonly mode: Mode | undefined;
  /** Over that: those that have proved quiet, which are enforced as long as they mean what they meant. */
  readonly promoted: ReadonlyMap<string, string>;
  /** Over that: what somebody has said of single ones. */
  readonly rules: ReadonlyMap<string, Mode>;
}

/** What there is to say of a verdict. */
interface Told {
  /** Names of rules by their numbers. */
  readonly rules: readonly string[];
  readonly guidance: ReadonlyMap<string, string | undefined>;
  /** Rules of which the policy's alerts are told. */
  readonly alerting: ReadonlySet<string>;
}

/** Policies and modes whose verdicts may still be on their way to the log. */
const SERIALS_KEPT = 256;

const LEAKY = 'leaky-hook';
const LEAKY_NOTE = 'not airtight: preemptible kernel: now and then it lets something through that this policy forbids';

/** IPv4 and IPv6 addresses as one spelling, so that "::ffff:1.2.3.4" and a port do no harm. */
const server = (text: string): string =>
  text.replace(/^\[(.*)\]:\d+$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');

/** What a policy asks for beside its rules, and is not there yet. */
function notYet({ document }: Policy): string[] {
  return document.strict_sni === true ? ['strict_sni is not there yet: names are held by addresses.'] : [];
}

/** Rules that ask for alerts and get none. */
function silent({ document }: Policy): string[] {
  const rules = document.policies.filter(({ alert }) => alert === true);
  const allowing = rules.filter(({ action }) => action === 'ALLOW').map(({ name }) => name);
  return [
    ...(rules.length > 0 && (document.alerts ?? []).length === 0
      ? ['alerts names nobody: events of rules with alert: true are marked, and nobody is told.']
      : []),
    ...(allowing.length > 0
      ? [`Of what is allowed nobody is told yet: alert says nothing in ${allowing.join(', ')}.`]
      : []),
  ];
}

/** @throws AgentgovError exit 3 when a rule cannot be held and nobody has accepted that. */
function prepare(
  policy: Policy,
  { accept, homes, protect, mayTell }: EnforceOptions,
  hello: Hello,
  home: string | undefined,
  half: 0 | 1,
  before?: Prepared,
): Prepared {
  mayTell(policy.document.alerts ?? []);
  let files: NamedFiles | undefined;
  try {
    const links = new MachineLinks(true);
    const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'));
    files = new NamedFiles(mounts);
    const compiled = compilePolicy(policy, {
      homes: homes ?? (home === undefined ? EVERY_HOME : [home]),
      mounts,
      aliases: links.aliases,
      fileOf: files.find,
      accept,
      protect,
      half,
      rates: before?.compiled.rates,
    });
    const notes = [
      ...notYet(policy),
      ...silent(policy),
      ...links.notes,
      ...(hello.leaky ? [`Tier hook is ${LEAKY_NOTE}.`] : []),
      ...compiled.left.map((rule) => `Not held: ${rule}.`),
      ...(compiled.bestEffort.length === 0
        ? []
        : [`Best effort, by the addresses that name servers give: ${compiled.bestEffort.join(', ')}.`]),
    ];
    const guidance = new Map(policy.document.policies.map((rule) => [rule.name, rule.guidance]));
    const alerting = new Set(policy.document.policies.filter(({ alert }) => alert).map(({ name }) => name));
    return {
      policy,
      compiled,
      told: { rules: compiled.rules, guidance, alerting },
      files,
      notes,
      half,
      names: new Map(),
    };
  } catch (error) {
    files?.close();
    if (!(error instanceof CompileError || error instanceof LinkError)) throw error;
    throw new AgentgovError(`The policy ${policy.file} ${error.message}.`, EXIT.unavailable);
  }
}

export class Enforcement {
  readonly #options: EnforceOptions;
  readonly #hello: Hello;
  readonly #home: string | undefined;
  #now: Prepared;
  #modes: Modes;
  #place: 0 | 1 = 0;
  #serial = 0;
  /** Policies by the serial that verdicts are marked with, in the order in which they came into force. */
  readonly #told = new Map<number, Told>();
  readonly #hosts = new HostNames();
  /** What names were found to lead to that waits to be put into the policy in force. */
  readonly #late: Lead[] = [];
  /** Why the last reload changed nothing. */
  #failure: string | undefined;
  #isKept = false;
  #unkept: string | undefined;
  /** One change at a time. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: EnforceOptions, hello: Hello, home: string | undefined) {
    this.#options = options;
    this.#hello = hello;
    this.#home = home;
    this.#modes = { mode: options.mode, promoted: options.promoted ?? new Map(), rules: new Map() };
    // What will be enforced by itself must not fail on that when nobody looks.
    if (options.terms !== undefined) options.mayEnforce();
    this.#check(options.policy, this.#modes);
    // A loader begins with an empty policy in half 0.
    this.#now = prepare(options.policy, options, hello, home, 1);
  }

  /**
   * Compiles the policy for this machine.
   * @throws AgentgovError exit 3 when the tier or a rule of it cannot be held and nobody has accepted that, or nothing may be enforced.
   */
  static prepare(options: EnforceOptions, hello: Hello, home: string | undefined): Enforcement {
    if (hello.leaky && !options.accept.includes(LEAKY)) {
      throw new AgentgovError(
        `Tier hook is ${LEAKY_NOTE}; boot with "bpf" in lsm= for a tier that does not (agentgov doctor says how), ` +
          `or with preempt=voluntary, or accept it with --accept ${LEAKY}.`,
        EXIT.unavailable,
      );
    }
    return new Enforcement(options, hello, home);
  }

  /** Of all rules that have none of their own. */
  get mode(): Mode {
    return modeOf(this.#now.policy, this.#modes);
  }

  get sha256(): string {
    return this.#now.policy.sha256;
  }

  get file(): string {
    return this.#now.policy.file;
  }

  /** Who is told of rules with `alert: true`. */
  get alerts(): readonly Sink[] {
    return this.#now.policy.document.alerts ?? [];
  }

  /** What follows when the log cannot be written: what only looks on ends, what holds does as the policy says. */
  get onLogFailure(): 'end' | 'continue' | 'block' | 'stop' {
    const { policy } = this.#now;
    if (!enforcesAny(policy, this.#modes)) return 'end';
    return policy.document.on_log_failure ?? 'continue';
  }

  /** Rules that can be against something, and the modes that they are in. */
  get rules(): Watched[] {
    const { policy, compiled } = this.#now;
    const modes = modesOver(compiled, this.#modes);
    const written = new Map(policy.document.policies.map(({ name, mode }) => [name, mode]));
    return compiled.closing.map((rule) => ({
      ...rule,
      mode: modes.get(rule.name) ?? this.#modes.mode ?? written.get(rule.name) ?? this.mode,
    }));
  }

  /** Has it outlive agentgov, or not, as the policy in force says. @throws LoaderGone */
  keep(loader: Loader): Promise<void> {
    return this.#inTurn(async () => {
      const { policy } = this.#now;
      const wanted = enforcesAny(policy, this.#modes) && policy.document.on_exit !== 'release';
      this.#unkept = undefined;
      try {
        await (wanted ? loader.keep() : loader.release());
        this.#isKept = wanted;
      } catch (error) {
        if (!(error instanceof LoaderRefusal)) throw error;
        this.#isKept = false;
        this.#unkept = error.message;
      }
    });
  }

  /** Whether it outlives agentgov. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Why it does not, though it should: the end of a sentence. */
  get unkept(): string | undefined {
    return this.#unkept;
  }

  /** What is less than it looks, or otherwise than in the policy, one sentence each. */
  get notes(): string[] {
    const { compiled, notes } = this.#now;
    const changed = [...this.#modes.rules].filter(([rule]) => compiled.rules.includes(rule));
    const quiet = quietOf(compiled, this.#modes).length;
    return [
      ...notes,
      ...(this.#unkept === undefined ? [] : [`The policy ends with agentgov: ${this.#unkept}.`]),
      ...(quiet === 0 ? [] : [`${quiet === 1 ? '1 rule is' : `${quiet} rules are`} enforced for having proved quiet.`]),
      ...changed.map(([rule, mode]) => `Rule ${rule} is in mode ${mode}, by agentgov mode.`),
      ...(this.#failure === undefined ? [] : [`The last reload changed nothing: ${this.#failure}`]),
    ];
  }

  /** Writes it into the kernel. @throws AgentgovError, LoaderRefusal, LoaderGone */
  load(loader: Loader): Promise<void> {
    return this.#inTurn(() => this.#install(loader, this.#now, loader.clear()));
  }

  /**
   * Reads the policy's file again and puts what it says in the place of the policy in force, between two system calls.
   * Whatever is wrong with it changes nothing.
   *
   * @throws Error with one sentence that says what is wrong; LoaderGone
   */
  reload(loader: Loader): Promise<void> {
    return this.#inTurn(async () => {
      // Meanwhile: it takes as long as the policy that was there is large.
      const cleared = loader.clear();
      cleared.catch(() => {}); // whoever waits for it is told
      try {
        const policy = await loadPolicy(this.file);
        const before = this.#now;
        const next = prepare(policy, this.#options, this.#hello, this.#home, before.half === 0 ? 1 : 0, before);
        try {
          this.#check(policy, this.#modes);
          await this.#install(loader, next, cleared);
        } catch (error) {
          next.files.close();
          throw error;
        }
        before.files.close();
        this.#failure = undefined;
      } catch (error) {
        this.#failure = (error as Error).message;
        throw error;
      }
    });
  }

  /**
   * Switches the mode of a rule, or of all of them, between two system calls.
   * @throws Error with one sentence when there is no such rule, or nothing may be enforced; LoaderGone
   */
  switchMode(loader: Loader, mode: Mode, rule?: string): Promise<void> {
    return this.#inTurn(async () => {
      const { rules, always } = this.#now.compiled;
      if (rule !== undefined && !rules.includes(rule))
        throw new Error(`The policy ${this.file} has no rule ${JSON.stringify(rule)}.`);
      if (rule !== undefined && always.includes(rule)) throw new Error(`${rule} is enforced in each mode.`);
      const modes =
        rule === undefined
          ? { mode, promoted: new Map(), rules: new Map() }
          : { ...this.#modes, rules: new Map(this.#modes.rules).set(rule, mode) };
      this.#check(this.#now.policy, modes);
      await loader.clear();
      await this.#putInForce(loader, this.#now, this.#place === 0 ? 1 : 0, modes);
    });
  }

  /**
   * Puts rules that have proved quiet into mode enforce, between two system calls. One that was edited meanwhile stays.
   * @returns the names of those that are enforced now. @throws Error when nothing may be enforced; LoaderGone
   */
  promote(loader: Loader, quiet: readonly ClosingRule[]): Promise<string[]> {
    return this.#inTurn(async () => {
      const { closing } = this.#now.compiled;
      const byName = new Map(closing.map((rule) => [rule.name, rule]));
      const still = quiet.filter(({ name, meaning }) => byName.get(name)?.meaning === meaning);
      if (still.length === 0) return [];
      const promoted = new Map(this.#modes.promoted);
      const rules = new Map(this.#modes.rules);
      for (const { name, meaning } of still) {
        promoted.set(name, meaning);
        rules.delete(name);
      }
      this.#options.mayEnforce();
      await loader.clear();
      await this.#putInForce(loader, this.#now, this.#place === 0 ? 1 : 0, { ...this.#modes, promoted, rules });
      return still.map(({ name }) => name);
    });
  }

  /** Lets go of the files that rules name. */
  close(): void {
    this.#now.files.close();
  }

  /** An event of the loader with the name of its rule for the number: serial << 16 | rule. */
  named(event: AgentEvent): AgentEvent {
    const marked = Number(event.policy_rule);
    const told = this.#told.get(marked >>> 16);
    const rule = told?.rules[marked & 0xffff];
    if (rule === undefined) return event;
    return { ...event, policy_rule: rule, ...(told?.alerting.has(rule) ? { alert: true } : {}) };
  }

  /** What a rule has for the agent that it stops: by the policy in force, or else by the last one that had the rule. */
  guidance(rule: string): string | undefined {
    return [...this.#told.values()].findLast(({ guidance }) => guidance.has(rule))?.guidance.get(rule);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  #check(policy: Policy, modes: Modes): void {
    if (enforcesAny(policy, modes)) this.#options.mayEnforce();
  }

  /** @param cleared the answer to the clear() before. */
  async #install(loader: Loader, next: Prepared, cleared: Promise<void>): Promise<void> {
    const { tables, domains } = next.compiled;
    // Each answer may be behind a flood of events: one wait for all. Of names that the policy in force has too, what is known is
    // enough to begin with.
    const [unanswered] = await Promise.all([this.#hosts.settle(domains), cleared, write(loader, tables)]);
    const carried = [...this.#now.names].flatMap(([ip, names]) => [...names].map((name): Lead => [ip, name]));
    await addAddresses(loader, next, [...carried, ...this.#hosts.leads(domains)]);
    await this.#putInForce(loader, next, 0, this.#modes);
    this.#hosts.follow(unanswered, (leads) => this.#takeLate(loader, leads));
  }

  #takeLate(loader: Loader, leads: readonly Lead[]): void {
    // Many come at once, and are written at once.
    const isFirst = this.#late.length === 0;
    this.#late.push(...leads);
    if (!isFirst || leads.length === 0) return;
    const put = this.#inTurn(() => addAddresses(loader, this.#now, this.#late.splice(0)));
    void put.catch((error: Error) => {
      if (error instanceof LoaderGone) return;
      this.#options.note(`Addresses of hosts could not be put into the policy: ${error.message}`);
    });
  }

  async #putInForce(loader: Loader, next: Prepared, place: 0 | 1, modes: Modes): Promise<void> {
    const serial = (this.#serial % 0xffff) + 1;
    const head = next.compiled.head({ place, serial, mode: modes.mode, modes: modesOver(next.compiled, modes) });
    // Set anew, a number that has come round again is the last one.
    this.#told.delete(serial);
    this.#told.set(serial, next.told);
    for (const old of [...this.#told.keys()].slice(0, -SERIALS_KEPT)) this.#told.delete(old);
    await write(loader, head.tables);
    await loader.swap(head.key);
    this.#now = next;
    this.#modes = modes;
    this.#place = place;
    this.#serial = serial;
  }

  /** Addresses that a name server has just told the tree. Only of servers that the policy, or else this machine, names. */
  learn(loader: Loader, message: DnsMessage, { question, answers }: DnsAnswer): Promise<void> {
    return this.#inTurn(async () => {
      const { policy } = this.#now;
      if (!(policy.document.resolvers ?? getServers().map(server)).includes(message.server_ip)) return;
      const addresses = answers.flatMap(({ address, hints = [] }) => (address ? [address] : hints));
      const name = question.toLowerCase().replace(/\.$/, '');
      await addAddresses(
        loader,
        this.#now,
        addresses.map((address): Lead => [address, name]),
      );
    });
  }
}

/** @throws CompileError when not all of them could be put in. */
async function addAddresses(loader: Loader, { compiled, names }: Prepared, leads: readonly Lead[]): Promise<void> {
  const changed = new Map<string, Set<string>>();
  for (const [ip, name] of leads)
    if (!names.get(ip)?.has(name)) changed.set(ip, (changed.get(ip) ?? new Set(names.get(ip))).add(name));
  const { tables, spoken, failed } = compiled.addresses(changed);
  for (const ip of spoken) names.set(ip, changed.get(ip) as Set<string>);
  await write(loader, tables);
  if (failed !== undefined) throw failed;
}

const modeOf = (policy: Policy, { mode }: Modes): Mode => mode ?? policy.document.mode ?? 'audit';

/** Rules that have proved quiet, and that nobody has said anything else of. */
const quietOf = ({ closing }: Compiled, { promoted, rules }: Modes): string[] =>
  closing
    .filter(({ name }) => promoted.has(name) && !rules.has(name))
    .filter(({ name, meaning }) => promoted.get(name) === meaning)
    .map(({ name }) => name);

/** Of single rules, over that of all. */
const modesOver = (compiled: Compiled, modes: Modes): ReadonlyMap<string, Mode> =>
  new Map([...quietOf(compiled, modes).map((name): [string, Mode] => [name, 'enforce']), ...modes.rules]);

/** Whether anything is, beside what is enforced in each mode. */
function enforcesAny(policy: Policy, modes: Modes): boolean {
  const ofRules = policy.document.policies.map(({ name, mode }) => modes.rules.get(name) ?? modes.mode ?? mode);
  // A rule that proved quiet and means something else now counts too: too careful by that.
  const promoted: Mode[] = modes.promoted.size > 0 ? ['enforce'] : [];
  return [modeOf(policy, modes), ...promoted, ...modes.rules.values(), ...ofRules].includes('enforce');
}

async function write(loader: Loader, tables: readonly Table[]): Promise<void> {
  await Promise.all(tables.map((table) => loader.policy(table)));
}
