// A NetworkPolicy of Kubernetes, networking.k8s.io/v1: which addresses and ports a pod may reach and be reached at.
import { type Block, coversBlock, inBlock, parseAddress } from '../../policy/index.js';
import { blocksOf, cidr } from './addresses.js';
import { LABEL_NOTE, objectName, podLabels, toYaml } from './kubernetes.js';
import { Notes, objectText, type Written } from './notes.js';
import {
  ANY_SYSTEM,
  CHANGES,
  EXEC,
  LISTEN,
  type Line,
  linesOf,
  OUT,
  pathOf,
  READ,
  type Source,
  TOOL,
  UNIX,
} from './source.js';

const OTHER_CLASSES = [
  ['file', READ | CHANGES],
  ['exec', EXEC],
  ['unix', UNIX],
  ['tool', TOOL],
  ['system', ANY_SYSTEM],
] as const;

const LOOPBACK: readonly Block[] = [
  { bytes: '\u007f\u0000\u0000\u0000', bits: 8 },
  { bytes: parseAddress('::1') as string, bits: 128 },
];
const isLoopback = ({ bytes }: Block): boolean => LOOPBACK.some((block) => inBlock(block, bytes));
/** "Any address" of a socket that waits. */
const isAny = ({ bytes }: Block): boolean => [...bytes].every((byte) => byte === '\u0000');

interface Port {
  protocol: 'TCP' | 'UDP';
  port: number;
  endPort?: number;
}

/** Rules that name no protocol allow both; the ports of a list are alternatives. */
const portsOf = ({ ports, protocols }: Line): readonly Port[] =>
  (ports ?? [[1, 65_535] as const]).flatMap(([from, to]) =>
    (['TCP', 'UDP'] as const)
      .filter((protocol) => protocols?.includes(protocol.toLowerCase()) ?? true)
      .map((protocol) => ({ protocol, port: Math.max(from, 1), ...(to > from && { endPort: to }) })),
  );

class Traffic {
  readonly notes = new Notes();
  /** Blocks and what is closed in them, by the ports (as JSON) that they are open at. */
  readonly egress = new Map<string, { readonly ports: readonly Port[]; readonly to: Map<string, string[]> }>();
  readonly ingress = new Map<string, Port>();
  readonly #closed: readonly Block[];

  constructor(
    lines: readonly Line[],
    readonly addresses: Source['seen']['addresses'],
  ) {
    this.#closed = lines.flatMap(({ forbids, object }) =>
      forbids && object !== undefined && 'block' in object ? [object.block] : [],
    );
    for (const line of lines) this.#take(line);
  }

  #take(line: Line): void {
    const { ops, forbids, rule } = line;
    if (rule.action === 'HUMAN_APPROVAL')
      this.notes.add('stricter', 'all', 'where it is of the network it is denied, nobody is asked', line);
    for (const [name, mask] of OTHER_CLASSES)
      if ((ops & mask) !== 0)
        this.notes.add('not expressed', name, 'a NetworkPolicy knows addresses and ports only', line);
    if (forbids || pathOf(line) !== undefined) return;
    if ((ops & (OUT | LISTEN)) === 0) return;
    if (portsOf(line).length === 0) {
      this.notes.add(
        'not expressed',
        'network',
        'TCP and UDP only: others are as the network plugin has them',
        line,
        objectText(line),
      );
      return;
    }
    const blocks = blocksOf(line, this.addresses, this.notes);
    if ((ops & OUT) !== 0) this.#reach(line, blocks);
    else this.#serve(line, blocks);
  }

  #reach(line: Line, blocks: readonly Block[]): void {
    if (line.exe !== undefined) this.notes.add('wider', 'network', 'every program of the pod', line);
    const ports = portsOf(line);
    const key = JSON.stringify(ports);
    for (const block of blocks) {
      if (isLoopback(block)) {
        this.notes.add('wider', 'network', 'what a pod sends to itself is not held', line, objectText(line));
        continue;
      }
      if (this.#closed.some((one) => coversBlock(one, block))) continue;
      const known = this.egress.get(key) ?? { ports, to: new Map<string, string[]>() };
      this.egress.set(key, known);
      known.to.set(cidr(block), this.#closed.filter((one) => coversBlock(block, one)).map(cidr));
    }
  }

  #serve(line: Line, blocks: readonly Block[]): void {
    if (line.exe !== undefined) this.notes.add('wider', 'network', 'every program of the pod', line);
    for (const block of blocks) {
      if (isLoopback(block)) continue;
      if (!isAny(block))
        this.notes.add('wider', 'network', 'a pod waits at all of its addresses', line, objectText(line));
      for (const port of portsOf(line)) this.ingress.set(JSON.stringify(port), port);
    }
  }

  toObject(): object {
    const egress = [...this.egress.values()].map(({ ports, to }) => ({
      to: [...to].map(([block, except]) => ({ ipBlock: { cidr: block, ...(except.length > 0 && { except }) } })),
      ports,
    }));
    const ports = [...this.ingress.values()];
    return { policyTypes: ['Ingress', 'Egress'], ingress: ports.length === 0 ? [] : [{ ports }], egress };
  }
}

export function networkPolicy({ agent, policy, seen }: Source): Written {
  const traffic = new Traffic(linesOf(policy, seen.homes), seen.addresses);
  return {
    notes: traffic.notes,
    use: [
      `A NetworkPolicy (networking.k8s.io/v1). ${LABEL_NOTE} It holds as soon as it is applied, where the network plugin of the cluster takes such policies.`,
      'Addresses are those of the machine that it was learned on: the name servers and services of the cluster may have others.',
    ],
    comment: '#',
    body: toYaml({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: objectName(agent) },
      spec: { podSelector: { matchLabels: podLabels(agent) }, ...traffic.toObject() },
    }),
  };
}
