import { type AddressBytes, mask } from '../pattern/address.js';
import { type DomainPattern, domainLabels, matchesDomain } from '../pattern/domain.js';
import type { Clause } from './clause.js';
import type { Placed } from './path-index.js';

const MEMO_MAX = 16_384;
const MAX_NAME = 512;
const NOTHING: readonly Placed[] = [];

const push = <K>(map: Map<K, Placed[]>, key: K, placed: Placed): void => {
  const list = map.get(key);
  if (list) list.push(placed);
  else map.set(key, [placed]);
};

/** Which clauses fit a destination: by its name, where one is known, and by its address. */
export class NetworkIndex {
  readonly #names = new Map<string, Placed[]>();
  /** `*.x` without further stars, under x. */
  readonly #below = new Map<string, Placed[]>();
  readonly #patterns: { placed: Placed; pattern: DomainPattern }[] = [];
  /** Prefix length -> prefix -> clauses; addresses of both families differ in length. */
  readonly #blocks = new Map<number, Map<AddressBytes, Placed[]>>();
  readonly #memo = new Map<string, readonly Placed[]>();

  add(placed: Placed, object: NonNullable<Clause['object']>): void {
    if ('block' in object) {
      const { bytes, bits } = object.block;
      const key = bits + bytes.length * 256;
      const ofLength = this.#blocks.get(key) ?? new Map<AddressBytes, Placed[]>();
      this.#blocks.set(key, ofLength);
      push(ofLength, bytes, placed);
    } else if ('domain' in object) {
      const { domain } = object;
      if (domain.exact) push(this.#names, domain.text, placed);
      else if (domain.below && domain.labels.every((label) => label.length === 1))
        push(this.#below, domain.text.slice(2), placed);
      else this.#patterns.push({ placed, pattern: domain });
    }
  }

  /** In the order of decisions. */
  find(name: string | undefined, address: AddressBytes | undefined): readonly Placed[] {
    const key = `${address ?? ''}\u0000${name ?? ''}`;
    const known = this.#memo.get(key);
    if (known !== undefined) return known;
    const found = this.#search(name, address);
    if (key.length <= MAX_NAME) {
      if (this.#memo.size >= MEMO_MAX) this.#memo.clear();
      this.#memo.set(key, found);
    }
    return found;
  }

  #search(name: string | undefined, address: AddressBytes | undefined): readonly Placed[] {
    const found: Placed[] = [];
    if (name !== undefined && name.length <= MAX_NAME) {
      const labels = domainLabels(name);
      const plain = name.replace(/\.$/, '').toLowerCase();
      found.push(...(this.#names.get(plain) ?? []));
      for (let dot = plain.indexOf('.'); dot >= 0; dot = plain.indexOf('.', dot + 1)) {
        found.push(...(this.#below.get(plain.slice(dot + 1)) ?? []));
      }
      for (const { placed, pattern } of this.#patterns) if (matchesDomain(pattern, labels)) found.push(placed);
    }
    if (address !== undefined) {
      for (const [key, prefixes] of this.#blocks) {
        if (key >> 8 === address.length) found.push(...(prefixes.get(mask(address, key & 255)) ?? []));
      }
    }
    return found.length === 0 ? NOTHING : found.sort((a, b) => a.order - b.order);
  }
}
