// Names of hosts that rules name, asked of this machine's resolver: what it said last, and whom it has not answered yet.
import { lookup } from 'node:dns/promises';

/** How long it may take before a policy is put in force without its answer. */
const PATIENCE_MS = 3000;

/** An address, and a name that leads to it. */
export type Lead = readonly [ip: string, name: string];

export class HostNames {
  /** Leads of the names that were asked for; those of a name that is asked again are there until it is answered. */
  readonly #known = new Map<string, readonly Lead[]>();
  readonly #underWay = new Map<string, Promise<readonly Lead[]>>();

  /** What these names lead to, as far as it is known; others are forgotten. */
  leads(names: readonly string[]): Lead[] {
    const wanted = new Set(names);
    for (const name of [...this.#known.keys()]) if (!wanted.has(name)) this.#known.delete(name);
    return names.flatMap((name) => this.#known.get(name) ?? []);
  }

  /**
   * Asks for those names that were never asked for, and waits for them a while.
   * @returns the names of which there is no new answer.
   */
  async settle(names: readonly string[]): Promise<string[]> {
    const fresh = names.filter((name) => !this.#known.has(name));
    const answered = new Set<string>();
    const all = Promise.all(fresh.map((name) => this.#ask(name).then(() => answered.add(name))));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((done) => {
      timer = setTimeout(done, PATIENCE_MS).unref();
    });
    await Promise.race([all, late]);
    clearTimeout(timer);
    return names.filter((name) => !answered.has(name));
  }

  /** Asks for these names, or waits for those that are being asked for, and hands on what each leads to. */
  follow(names: readonly string[], take: (leads: readonly Lead[]) => void): void {
    for (const name of names) void this.#ask(name).then(take);
  }

  /** Never twice at once: where a resolver hangs, each reload would leave more of them behind. */
  #ask(name: string): Promise<readonly Lead[]> {
    this.#known.set(name, this.#known.get(name) ?? []);
    const asked = this.#underWay.get(name) ?? this.#lookUp(name);
    this.#underWay.set(name, asked);
    return asked;
  }

  async #lookUp(name: string): Promise<readonly Lead[]> {
    const found = await lookup(name, { all: true }).catch(() => []);
    this.#underWay.delete(name);
    const leads = found.map(({ address }): Lead => [address, name]);
    if (leads.length > 0 && this.#known.has(name)) this.#known.set(name, leads);
    return leads;
  }
}
