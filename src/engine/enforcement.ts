// A policy in the kernel, for as long as a session lasts.

import { getServers } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import type { DnsMessage, Hello, Loader } from '../bpf/index.js';
import type { DnsAnswer } from '../dns/index.js';
import { AgentgovError, EXIT } from '../errors.js';
import type { AgentEvent } from '../events/index.js';
import {
  type Compiled,
  CompileError,
  compilePolicy,
  EVERY_HOME,
  LinkError,
  MachineLinks,
  type Mode,
  type Policy,
  parseMounts,
  type SelfProtection,
} from '../policy/index.js';
import { NamedFiles } from './named-files.js';

export interface EnforceOptions {
  policy: Policy;
  /** Over that of the policy. */
  mode?: Mode;
  /** Weaknesses that the user has named: rules that the kernel cannot hold, and `leaky-hook`. */
  accept: readonly string[];
  /** What `~` stands for; the agent's own home folder, or every one where that is not known. */
  homes?: readonly string[];
  /** File of the key that signs the log's checkpoints, where it is not the default one. */
  key?: string;
}

const LEAKY = 'leaky-hook';
const LEAKY_NOTE = 'not airtight: preemptible kernel: now and then it lets something through that this policy forbids';
/** How long a name server may take before governing begins without its answer. */
const LOOKUP_MS = 3000;

/** IPv4 and IPv6 addresses as one spelling, so that "::ffff:1.2.3.4" and a port do no harm. */
const server = (text: string): string =>
  text.replace(/^\[(.*)\]:\d+$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');

/** What a policy asks for beside its rules, and is not there yet. */
function notYet({ document }: Policy): string[] {
  const { on_exit: onExit, on_log_failure: onFailure, strict_sni: strictSni } = document;
  return [
    ...(onExit === 'keep' ? ['on_exit: keep is not there yet: enforcement ends with agentgov.'] : []),
    ...(onFailure === 'block' ? ['on_log_failure: block is not there yet: the agent is stopped instead.'] : []),
    ...(strictSni === true ? ['strict_sni is not there yet: names are held by addresses.'] : []),
  ];
}

export class Enforcement {
  readonly mode: Mode;
  readonly sha256: string;
  /** What is less than it looks, one sentence each. */
  readonly notes: string[];
  readonly #compiled: Compiled;
  readonly #files: NamedFiles;
  readonly #resolvers: ReadonlySet<string>;
  readonly #onLogFailure: Policy['document']['on_log_failure'];
  readonly #guidance: ReadonlyMap<string, string | undefined>;
  /** Names of each address, as far as rules may speak of them. */
  readonly #names = new Map<string, Set<string>>();

  private constructor(compiled: Compiled, options: EnforceOptions, files: NamedFiles, notes: string[]) {
    const { policy } = options;
    this.#compiled = compiled;
    this.#files = files;
    this.mode = options.mode ?? policy.document.mode ?? 'audit';
    this.sha256 = policy.sha256;
    this.notes = notes;
    this.#onLogFailure = policy.document.on_log_failure;
    this.#resolvers = new Set(policy.document.resolvers ?? getServers().map(server));
    this.#guidance = new Map(policy.document.policies.map(({ name, guidance }) => [name, guidance]));
  }

  /**
   * Compiles the policy for this machine.
   * @throws AgentgovError exit 3 when the tier or a rule of it cannot be held and nobody has accepted that.
   */
  static async prepare(
    options: EnforceOptions,
    hello: Hello,
    home: string | undefined,
    protect: SelfProtection,
  ): Promise<Enforcement> {
    const { policy, accept } = options;
    if (hello.leaky && !accept.includes(LEAKY)) {
      throw new AgentgovError(
        `Tier hook is ${LEAKY_NOTE}; boot with "bpf" in lsm= for a tier that does not (agentgov doctor says how), ` +
          `or with preempt=voluntary, or accept it with --accept ${LEAKY}.`,
        EXIT.unavailable,
      );
    }
    const homes = options.homes ?? (home === undefined ? EVERY_HOME : [home]);
    let files: NamedFiles | undefined;
    try {
      const links = new MachineLinks(true);
      const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'));
      files = new NamedFiles(mounts);
      const compiled = compilePolicy(policy, {
        homes,
        mounts,
        aliases: links.aliases,
        fileOf: files.find,
        accept,
        protect,
        ...(options.mode === undefined ? {} : { mode: options.mode }),
      });
      const notes = [
        ...notYet(policy),
        ...links.notes,
        ...(hello.leaky ? [`Tier hook is ${LEAKY_NOTE}.`] : []),
        ...compiled.left.map((rule) => `Not held, as accepted: ${rule}.`),
        ...(compiled.bestEffort.length === 0
          ? []
          : [`Best effort, by the addresses that name servers give: ${compiled.bestEffort.join(', ')}.`]),
      ];
      return new Enforcement(compiled, options, files, notes);
    } catch (error) {
      files?.close();
      if (!(error instanceof CompileError || error instanceof LinkError)) throw error;
      throw new AgentgovError(`The policy ${policy.file} ${error.message}.`, EXIT.unavailable);
    }
  }

  /** Writes it into the kernel. @throws LoaderRefusal, LoaderGone */
  async load(loader: Loader): Promise<void> {
    for (const { name, entries } of this.#compiled.tables) await loader.policy(name, entries);
    await Promise.all(this.#compiled.domains.map((name) => this.#resolve(loader, name)));
  }

  /** Lets go of the files that rules name. */
  close(): void {
    this.#files.close();
  }

  /** What follows when the log cannot be written: what only looks on ends, what holds goes on unless it is told to stop. */
  get onLogFailure(): 'end' | 'continue' | 'stop' {
    if (this.mode === 'audit') return 'end';
    return (this.#onLogFailure ?? 'continue') === 'continue' ? 'continue' : 'stop';
  }

  /** An event of the loader with the name of its rule for the number. */
  named(event: AgentEvent): AgentEvent {
    const rule = this.#compiled.rules[Number(event.policy_rule)];
    return rule === undefined ? event : { ...event, policy_rule: rule };
  }

  /** What a rule has for the agent that it stops. */
  guidance(rule: string): string | undefined {
    return this.#guidance.get(rule);
  }

  /** Addresses that a name server has just told the tree. Only of servers that the policy, or else this machine, names. */
  async learn(loader: Loader, message: DnsMessage, { question, answers }: DnsAnswer): Promise<void> {
    if (!this.#resolvers.has(message.server_ip)) return;
    const addresses = answers.flatMap(({ address, hints = [] }) => (address ? [address] : hints));
    for (const address of addresses) await this.#add(loader, address, question.toLowerCase().replace(/\.$/, ''));
  }

  async #resolve(loader: Loader, name: string): Promise<void> {
    const timer = new Promise<[]>((resolve) => setTimeout(() => resolve([]), LOOKUP_MS).unref());
    const found = await Promise.race([lookup(name, { all: true }).catch(() => []), timer]);
    for (const { address } of found) await this.#add(loader, address, name);
  }

  async #add(loader: Loader, ip: string, name: string): Promise<void> {
    const names = this.#names.get(ip) ?? new Set<string>();
    if (names.has(name)) return;
    const tables = this.#compiled.address(ip, [...names, name]);
    if (tables === undefined) return;
    this.#names.set(ip, names.add(name));
    for (const table of tables) await loader.policy(table.name, table.entries);
  }
}
