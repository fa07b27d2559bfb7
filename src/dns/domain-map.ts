import { canonicalIp } from './address.js';
import type { DnsAnswer } from './answer.js';
import { HostsFile } from './hosts.js';

const DAY_MS = 86_400_000;
/** Programs use an address for a while after its TTL has run out: connection pools, caches of their own. */
const GRACE_MIN_MS = 60_000;
/** A name that one address has had for long is believed for as long again, up to this. */
const GRACE_MAX_MS = DAY_MS;
const TTL_MAX_MS = DAY_MS;
/** Pairs of address and name; more than any tree uses, and a bound on what a hostile name server can make us keep. */
const PAIRS_MAX = 65_536;
const NAMES_MAX = 16;
/** Aliases that resolvers follow (glibc and unbound stop at 11 to 16). */
const ALIASES_MAX = 16;

/** One address that a name was given. */
interface Pair {
  /** Since when without a gap, and until when: ms of the map's clock. */
  readonly since: number;
  readonly until: number;
}

/** The asked name and, through CNAMEs in whatever order they stand, every name that the answer makes an alias of it. */
function aliases({ question, answers }: DnsAnswer): Set<string> {
  const names = new Set([question.toLowerCase()]);
  for (let i = 0; i < ALIASES_MAX; i++) {
    const before = names.size;
    for (const { name, type, target } of answers) {
      if (type === 'CNAME' && target && names.has(name.toLowerCase())) names.add(target.toLowerCase());
    }
    if (names.size === before) break;
  }
  return names;
}

/** Options of DomainMap; all have defaults. */
export interface DomainMapOptions {
  readonly hostsFile?: string;
  /** Milliseconds of a clock that never steps back. */
  readonly now?: () => number;
  readonly maxPairs?: number;
}

/**
 * Which name explains an address: what the answers that reached the tree said, and the hosts file. An address keeps a
 * name for the TTL and a grace after it (60 s, or as long as the pair had been known, up to a day). The name is the
 * asked one, not the last alias, in lower case.
 */
export class DomainMap {
  /** Both levels in the order in which they were learned last, the oldest first. */
  readonly #pairs = new Map<string, Map<string, Pair>>();
  readonly #hosts: HostsFile;
  readonly #now: () => number;
  readonly #maxPairs: number;
  #size = 0;

  constructor({
    hostsFile = '/etc/hosts',
    now = () => performance.now(),
    maxPairs = PAIRS_MAX,
  }: DomainMapOptions = {}) {
    this.#now = now;
    this.#maxPairs = maxPairs;
    this.#hosts = new HostsFile(hostsFile, now);
  }

  /** Pairs of address and name that are kept at present. */
  get size(): number {
    return this.#size;
  }

  /** Takes over what an answer says about the name that it was asked for; addresses of other names are ignored. */
  learn(answer: DnsAnswer): void {
    if (answer.rcode !== 'NOERROR' || answer.question === '.') return;
    const names = aliases(answer);
    const domain = answer.question.toLowerCase();
    for (const { name, ttl, address, hints = [] } of answer.answers) {
      if (!names.has(name.toLowerCase())) continue;
      for (const ip of address ? [address] : hints) this.#add(ip, domain, Math.min(ttl * 1000, TTL_MAX_MS));
    }
  }

  /** The name that explains the address: the one that was learned last, else the hosts file's first. */
  lookup(ip: string): string | undefined {
    return this.allFor(ip)[0];
  }

  /** Every name that could explain the address, best first. */
  allFor(ip: string): string[] {
    const key = canonicalIp(ip);
    if (!key) return [];
    this.#expire(key);
    const learned = [...(this.#pairs.get(key)?.keys() ?? [])].reverse();
    return [...new Set([...learned, ...this.#hosts.namesOf(key)])];
  }

  #add(ip: string, domain: string, ttl: number): void {
    this.#expire(ip);
    const now = this.#now();
    const names = this.#pairs.get(ip) ?? new Map<string, Pair>();
    const since = names.get(domain)?.since ?? now;
    const grace = Math.min(Math.max(now - since, GRACE_MIN_MS), GRACE_MAX_MS);
    // Out and in again: the order of a Map is that of insertion.
    if (names.delete(domain)) this.#size--;
    names.set(domain, { since, until: now + ttl + grace });
    this.#size++;
    this.#pairs.delete(ip);
    this.#pairs.set(ip, names);
    if (names.size > NAMES_MAX) this.#forget(names, names.keys().next().value as string);
    while (this.#size > this.#maxPairs) this.#evict();
  }

  #forget(names: Map<string, Pair>, domain: string): void {
    if (names.delete(domain)) this.#size--;
  }

  /** Drops the address that was learned about longest ago. */
  #evict(): void {
    const [ip, names] = this.#pairs.entries().next().value as [string, Map<string, Pair>];
    this.#size -= names.size;
    this.#pairs.delete(ip);
  }

  #expire(ip: string): void {
    const names = this.#pairs.get(ip);
    if (!names) return;
    const now = this.#now();
    for (const [domain, { until }] of names) if (until < now) this.#forget(names, domain);
    if (names.size === 0) this.#pairs.delete(ip);
  }
}
