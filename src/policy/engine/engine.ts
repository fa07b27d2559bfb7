// The decision engine: which rule decides on an event. Pure: the same policy, names and
// event give the same answer, always.
import type { AgentEvent } from '../../events/index.js';
import { ASKS, type Ask, type OperationClass } from '../language/operations.js';
import type { Mode, Policy, RuleAction } from '../language/types.js';
import { type AddressBytes, destination, parseAddress } from '../pattern/address.js';
import { EVERY_HOME, matchesPath, split } from '../pattern/path.js';
import { type Aliases, noAliases } from './aliases.js';
import { type Asked, asksOf } from './asks.js';
import { type Clause, type Clauses, clausesOf, type Programs } from './clause.js';
import { type Circumstances, holds } from './conditions.js';
import { NetworkIndex } from './network-index.js';
import { PathIndex, type Placed } from './path-index.js';

/** What a policy says of one operation. */
export interface Verdict {
  readonly action: RuleAction;
  /** Place of the rule in the file, from 0; absent where no rule matched. */
  readonly rule?: number;
  /** Name of the rule, or `default_action.file` and so on: `policy_rule` of events. */
  readonly name: string;
  /** rule. default: `default_action` names the class. unnamed: it does not, so it is allowed. rate: more than `max`. */
  readonly by: 'rule' | 'default' | 'unnamed' | 'rate';
  readonly class: OperationClass;
  /** What is done about it: recorded only, or enforced. */
  readonly mode: Mode;
}

/** Who acts, where the event itself does not say: the program before an exec, the script that an interpreter runs. */
export interface Subject {
  readonly exe?: string | undefined;
  readonly script?: string | undefined;
}

/** One operation of an event with all that could have decided on it, the first of `matching` being what does. */
export interface Explanation extends Asked {
  readonly verdict: Verdict;
  readonly matching: readonly Clause[];
}

export interface EngineOptions {
  /** What `~` stands for, absolute; every user's home folder when it is not given. */
  homes?: readonly string[];
  /** Names that files have on this machine beside those of the policy; none when it is not given. */
  aliases?: Aliases;
}

const STRICTNESS = { ALLOW: 0, HUMAN_APPROVAL: 1, BLOCK: 2 } as const;
const CLASSES = ['file', 'exec', 'network', 'tool', 'system'] as const;
const MEMO_MAX = 16_384;
const NOTHING: readonly Placed[] = [];
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The stricter of two actions decides where one event holds several operations. */
export const isStricter = (a: RuleAction, b: RuleAction): boolean => STRICTNESS[a] > STRICTNESS[b];

class Acting implements Circumstances {
  port: number | undefined;
  protocol: string | undefined;
  address: AddressBytes | undefined;
  tool: string | undefined;
  database: string | undefined;
  intent: string | undefined;
  written = false;
  exe: string | undefined;
  script: string | undefined;

  constructor(readonly isOne: (programs: Programs, path: string) => boolean) {}

  isExe(programs: Programs): boolean {
    return this.exe !== undefined && this.isOne(programs, this.exe);
  }

  isScript(programs: Programs): boolean {
    return this.script !== undefined && this.isOne(programs, this.script);
  }
}

export class Engine {
  readonly policy: Policy;
  /** In the order in which they decide. */
  readonly clauses: readonly Clause[];
  /** Some rule names a script, so whoever asks must know which one a process runs. */
  readonly usesScripts: boolean;
  readonly #paths = new PathIndex();
  readonly #network = new NetworkIndex();
  /** Clauses without an object, for each kind of ask. */
  readonly #general = new Map<Ask, Placed[]>();
  readonly #verdicts: Record<OperationClass, Verdict>[] = [];
  readonly #defaults: Record<OperationClass, Verdict>;
  readonly #exceeded = new Map<Verdict, Verdict>();
  readonly #programs: readonly Programs[];
  readonly #programMemo = new Map<string, Int8Array>();
  /** One object for all events: a decision makes no garbage that it need not make. */
  readonly #of = new Acting((programs, path) => this.#isOne(programs, path));
  readonly #addressMemo = new Map<string, AddressBytes | undefined>();

  constructor(policy: Policy, { homes = EVERY_HOME, aliases = noAliases }: EngineOptions = {}) {
    this.policy = policy;
    const { clauses, programs }: Clauses = clausesOf(policy, homes, aliases);
    this.clauses = clauses;
    this.#programs = programs;
    this.usesScripts = clauses.some(({ script }) => script !== undefined);
    const { document } = policy;
    const mode = document.mode ?? 'audit';
    for (const rule of document.policies) {
      const verdict = {
        action: rule.action,
        rule: this.#verdicts.length,
        name: rule.name,
        by: 'rule',
        mode: rule.mode ?? mode,
      } as const;
      this.#verdicts.push(perClass((of) => ({ ...verdict, class: of })));
    }
    this.#defaults = perClass((of) => {
      const action = of === 'system' ? undefined : document.default_action?.[of];
      const common = { name: `default_action.${of}`, class: of, mode };
      return action === undefined
        ? { ...common, action: 'ALLOW', by: 'unnamed' }
        : { ...common, action, by: 'default' };
    });
    for (const ask of Object.values(ASKS)) this.#general.set(ask, []);
    for (const [order, clause] of clauses.entries()) this.#add({ clause, order });
  }

  #add(placed: Placed): void {
    const { object, ops, forbids } = placed.clause;
    if (object === undefined) {
      for (const [ask, list] of this.#general) if ((ops & (forbids ? ask.forbid : ask.permit)) !== 0) list.push(placed);
    } else if ('path' in object) this.#paths.add(placed, object.path.components);
    else this.#network.add(placed, object);
  }

  /**
   * What the policy says of an event: of all that it asks for the strictest answer.
   *
   * @param subject who acts; the event's own `exe` where that is not given. For `process_exec` that would be the new
   *   program, so there rules over `exe` decide only when the subject is known.
   * @returns undefined for an event that is no operation.
   */
  decide(event: AgentEvent, subject?: Subject): Verdict | undefined {
    const asks = asksOf(event);
    if (asks.length === 0) return undefined;
    const of = this.#circumstances(event, subject);
    const reached = this.#reached(event, of);
    let strictest: Verdict | undefined;
    for (const { ask, path, written = false } of asks) {
      of.written = written;
      const verdict = this.#answer(ask, path, reached, of);
      if (strictest === undefined || isStricter(verdict.action, strictest.action)) strictest = verdict;
    }
    return strictest;
  }

  /** What a verdict becomes when its rule's `max` is used up. The same object for the same verdict, as all verdicts are. */
  exceeded(verdict: Verdict): Verdict {
    const known = this.#exceeded.get(verdict);
    if (known !== undefined) return known;
    const made: Verdict = { ...verdict, action: 'BLOCK', by: 'rate' };
    this.#exceeded.set(verdict, made);
    return made;
  }

  /** The same decision with its reasons, operation by operation. Slower. */
  explain(event: AgentEvent, subject?: Subject): Explanation[] {
    const of = this.#circumstances(event, subject);
    const reached = this.#reached(event, of);
    return asksOf(event).map(({ ask, path, written = false }) => {
      of.written = written;
      const candidates = [
        ...(path === undefined ? NOTHING : this.#paths.find(path)),
        ...reached,
        ...(this.#general.get(ask) ?? NOTHING),
      ];
      const matching = candidates.filter(({ clause }) => holds(clause, ask, of)).sort((a, b) => a.order - b.order);
      return {
        ask,
        path,
        verdict: this.#answer(ask, path, reached, of),
        matching: matching.map(({ clause }) => clause),
      };
    });
  }

  #answer(ask: Ask, path: string | undefined, reached: readonly Placed[], of: Circumstances): Verdict {
    const byPath = path === undefined ? undefined : first(this.#paths.find(path), ask, of);
    const byNetwork = reached.length === 0 ? undefined : first(reached, ask, of);
    const found = nearer(byPath, byNetwork) ?? first(this.#general.get(ask) ?? NOTHING, ask, of);
    return (found === undefined ? this.#defaults : (this.#verdicts[found.clause.rule] ?? this.#defaults))[ask.class];
  }

  #reached(event: AgentEvent, { address }: Circumstances): readonly Placed[] {
    const name = text(event.dest_domain);
    return name === undefined && address === undefined ? NOTHING : this.#network.find(name, address);
  }

  #circumstances(event: AgentEvent, subject: Subject | undefined): Acting {
    const exe = subject?.exe ?? (event.event_type === 'process_exec' ? undefined : text(event.exe));
    const script = subject?.script;
    const isLocal = event.dest_port === undefined && event.local_port !== undefined;
    const port = isLocal ? event.local_port : event.dest_port;
    const of = this.#of;
    of.port = typeof port === 'number' ? port : undefined;
    of.protocol = text(event.protocol);
    of.address = this.#address(event);
    of.tool = text(event.tool);
    of.database = text(event.database);
    of.intent = text(event.intent);
    of.exe = exe;
    of.script = script;
    return of;
  }

  /** The other side of a connection; for a socket that waits for others, its own address. */
  #address(event: AgentEvent): AddressBytes | undefined {
    const spelled = text(event.dest_ip);
    if (spelled === undefined) {
      const own =
        event.event_type === 'network_bind' || event.event_type === 'network_listen' ? text(event.local_ip) : undefined;
      return own === undefined ? undefined : parseAddress(own);
    }
    if (this.#addressMemo.has(spelled)) return this.#addressMemo.get(spelled);
    const bytes = parseAddress(spelled);
    const address = bytes === undefined ? undefined : destination(bytes);
    if (this.#addressMemo.size >= MEMO_MAX) this.#addressMemo.clear();
    this.#addressMemo.set(spelled, address);
    return address;
  }

  #isOne(programs: Programs, path: string): boolean {
    let known = this.#programMemo.get(path);
    if (known === undefined) {
      if (this.#programMemo.size >= MEMO_MAX) this.#programMemo.clear();
      known = new Int8Array(this.#programs.length);
      this.#programMemo.set(path, known);
    }
    const answer = known[programs.id] ?? 0;
    if (answer !== 0) return answer === 1;
    const parts = split(path);
    const is = parts !== undefined && programs.patterns.some((pattern) => matchesPath(pattern, parts));
    known[programs.id] = is ? 1 : -1;
    return is;
  }
}

function first(placed: readonly Placed[], ask: Ask, of: Circumstances): Placed | undefined {
  for (const candidate of placed) if (holds(candidate.clause, ask, of)) return candidate;
  return undefined;
}

const nearer = (a: Placed | undefined, b: Placed | undefined): Placed | undefined =>
  a === undefined || (b !== undefined && b.order < a.order) ? b : a;

const perClass = (make: (of: OperationClass) => Verdict): Record<OperationClass, Verdict> =>
  Object.fromEntries(CLASSES.map((of) => [of, make(of)])) as Record<OperationClass, Verdict>;
