// KubeArmorPolicy and KubeArmorHostPolicy, security.kubearmor.com/v1 (deployments/CRD in KubeArmor's tree).
//
// KubeArmor writes what it is given into an AppArmor profile as it stands, and into BPF maps by its bytes. So only names
// are written that mean the same in both.
import { usageError } from '../../errors.js';
import type { PathPattern } from '../../policy/index.js';
import { glob } from './apparmor-glob.js';
import { LABEL_NOTE, objectName, podLabels, toYaml } from './kubernetes.js';
import { Notes, objectText, type Written } from './notes.js';
import {
  CHANGES,
  EXEC,
  isAbstract,
  isPlain,
  LISTEN,
  type Line,
  linesOf,
  OUT,
  otherChanges,
  pathOf,
  plainPath,
  READ,
  type Source,
  SYSTEM,
  type SystemEvent,
  TOOL,
  UNIX,
} from './source.js';

/** Limits of the BPF enforcer (KubeArmor/BPF/shared.h): it compares so much of a path, and walks so many folders. */
const MOST_BYTES = 199;
const MOST_FOLDER_BYTES = 63;
const MOST_COMPONENTS = 20;
/** Entries of one policy's map there, one for each path and source, and one for each folder on the way. */
const MOST_ENTRIES = 256;

const CAPABILITIES: Partial<Record<SystemEvent, readonly string[]>> = {
  mount: ['sys_admin', 'sys_chroot'],
  ptrace: ['sys_ptrace'],
  kernel_tamper: ['sys_module', 'sys_boot', 'sys_rawio', 'sys_admin'],
  privilege_change: ['setuid', 'setgid', 'setpcap', 'setfcap'],
};

type Action = 'Allow' | 'Block';
type FromSource = { path: string }[];
interface PathRule {
  path?: string;
  dir?: string;
  recursive?: true;
  pattern?: string;
  readOnly?: true;
  action: Action;
  fromSource?: FromSource;
}

class Spec {
  readonly notes = new Notes();
  readonly file = new Map<string, PathRule>();
  readonly process = new Map<string, PathRule>();
  /** By protocol: the programs that may; undefined among them stands for all. */
  readonly protocols = new Map<string, Set<string | undefined>>();
  readonly capabilities = new Set<string>();
  readonly #allowed: number;

  /** @param programs for a policy of a host: the only ones that it is to hold. */
  constructor(
    lines: readonly Line[],
    readonly programs: readonly string[] | undefined,
  ) {
    this.#allowed = lines.reduce((all, { forbids, ops }) => (forbids ? all : all | ops), 0);
    for (const line of lines) this.#take(line);
  }

  get fromSource(): { fromSource?: FromSource } {
    return this.programs === undefined ? {} : { fromSource: this.programs.map((path) => ({ path })) };
  }

  #take(line: Line): void {
    const { ops, rule } = line;
    if (rule.action === 'HUMAN_APPROVAL') this.notes.add('stricter', 'all', 'blocked, nobody is asked', line);
    if ((ops & TOOL) !== 0) this.notes.add('not expressed', 'tool', 'KubeArmor sees no tool calls', line);
    const path = pathOf(line);
    if ((ops & UNIX) !== 0 && path !== undefined)
      this.notes.add('not expressed', 'unix', 'KubeArmor does not tell local sockets apart', line);
    if (path === undefined) this.#network(line);
    else if (!isAbstract(path)) this.#paths(line, path);
    for (const [event, bit] of Object.entries(SYSTEM)) if ((ops & bit) !== 0) this.#system(event as SystemEvent, line);
  }

  #paths(line: Line, path: PathPattern): void {
    const { ops, forbids } = line;
    if ((ops & (READ | CHANGES | EXEC)) === 0) return;
    const spelled = this.#spelled(line, path);
    if (spelled === undefined) return;
    const action: Action = forbids ? 'Block' : 'Allow';
    const put = (into: Map<string, PathRule>, readOnly: boolean): void => {
      const key = `${action} ${objectOf(spelled)}`;
      const known = into.get(key);
      // Of two rules for one path both hold: what either allows or blocks is more than reading.
      const narrow = readOnly && (known === undefined || known.readOnly === true);
      into.set(key, { ...spelled, ...(narrow && { readOnly: true }), action, ...this.fromSource });
    };
    if ((ops & EXEC) !== 0) {
      put(this.process, false);
      if (!forbids && spelled.path?.includes('+'))
        this.notes.add(
          'stricter',
          'exec',
          'the AppArmor enforcer leaves out programs with a + in their name',
          line,
          spelled.path,
        );
    }
    if ((ops & (READ | CHANGES)) !== 0) {
      this.#access(line);
      // readOnly of an Allow rule: reading only. Of a Block rule: all but reading.
      put(this.file, forbids ? (ops & READ) === 0 : (ops & CHANGES) === 0);
    }
  }

  #access(line: Line): void {
    const { ops, forbids } = line;
    const value = objectText(line);
    const others = otherChanges(ops);
    if ((ops & CHANGES) !== 0 && others.length > 0)
      this.notes.add(
        forbids ? 'stricter' : 'wider',
        'file',
        `all changes are one: also ${others.join(', ')}`,
        line,
        value,
      );
    if (forbids && (ops & READ) !== 0 && (ops & CHANGES) === 0)
      this.notes.add('stricter', 'file', 'blocked for reading is blocked for everything', line, value);
    if (forbids && (ops & READ) === 0)
      this.notes.add('wider', 'file', 'the BPF enforcer lets everybody read what a readOnly rule names', line, value);
    if (!forbids && (ops & READ) === 0) this.notes.add('wider', 'file', 'what may be written may be read', line, value);
  }

  /** The path in KubeArmor's words; undefined where it has none, which is said. */
  #spelled(line: Line, path: PathPattern): Omit<PathRule, 'action'> | undefined {
    const plain = plainPath(path);
    const value = objectText(line);
    const isFolder = path.kind === 'folder';
    if (plain === undefined) {
      const isPattern = path.kind !== 'exact' || path.floating;
      const pattern = glob(path);
      if (!isPattern || /\\/.test(pattern))
        this.notes.add('not expressed', 'file', 'KubeArmor takes no such characters', line, value);
      else if (this.programs !== undefined)
        this.notes.add('not expressed', 'file', 'a pattern would hold every program of the host', line, value);
      else {
        this.notes.add(
          'not expressed',
          'file',
          'under BPF LSM KubeArmor ignores patterns (AppArmor takes them)',
          line,
          value,
        );
        return { pattern };
      }
      return undefined;
    }
    const bytes = Buffer.byteLength(plain);
    if (bytes > (isFolder ? MOST_FOLDER_BYTES : MOST_BYTES) || path.components.length > MOST_COMPONENTS) {
      this.notes.add('not expressed', 'file', 'KubeArmor compares no such long paths', line, value);
      return undefined;
    }
    if (isFolder) return { dir: `${plain}/`, recursive: true };
    return plain === '' ? { dir: '/' } : { path: plain };
  }

  #network(line: Line): void {
    const { ops, forbids, protocols, exe } = line;
    if ((ops & (OUT | LISTEN)) === 0) return;
    if (forbids) {
      this.notes.add('not expressed', 'network', 'KubeArmor knows no hosts', line, objectText(line));
      return;
    }
    const known = (protocols ?? ['tcp', 'udp']).filter((name) => ['tcp', 'udp', 'icmp', 'raw'].includes(name));
    if (known.length === 0) {
      this.notes.add('stricter', 'network', 'KubeArmor has no word for this protocol', line, objectText(line));
      return;
    }
    this.notes.add('wider', 'network', 'KubeArmor knows protocols only: every host and port', line, objectText(line));
    const sources = exe === undefined ? (this.programs ?? [undefined]) : exe.map((path) => plainPath(path));
    for (const [at, source] of sources.entries()) {
      const isLost = source === undefined && exe !== undefined;
      if (isLost)
        this.notes.add('stricter', 'network', 'KubeArmor does not take the name of the program', line, exe?.[at]?.text);
      else for (const name of known) this.protocols.set(name, (this.protocols.get(name) ?? new Set()).add(source));
    }
  }

  #system(event: SystemEvent, line: Line): void {
    const capabilities = CAPABILITIES[event];
    if (capabilities === undefined) this.notes.add('not expressed', 'system', `KubeArmor has no ${event}`, line);
    else if (!line.forbids) this.notes.add('wider', 'system', `${event} of every program`, line);
    else if ((this.#allowed & SYSTEM[event]) === 0) {
      this.notes.add('wider', 'system', `of ${event} only what needs a capability`, line);
      for (const capability of capabilities) this.capabilities.add(capability);
    }
  }

  toObject(): object {
    return {
      ...group('process', rules(this.process)),
      ...group('file', rules(this.file)),
      ...group('network', {
        matchProtocols: [...this.protocols].map(([protocol, sources]) => ({
          protocol,
          action: 'Allow',
          ...(!sources.has(undefined) && { fromSource: [...sources].map((path) => ({ path })) }),
        })),
      }),
      ...group('capabilities', {
        matchCapabilities: [...this.capabilities].map((capability) => ({
          capability,
          action: 'Block',
          ...this.fromSource,
        })),
      }),
    };
  }

  get entries(): number {
    const all = [...this.file.values(), ...this.process.values()];
    return all.length * Math.max(1, this.programs?.length ?? 1);
  }
}

/** Empty lists are left out: KubeArmor has rules for what is there. */
function group(name: string, lists: Record<string, readonly object[]>): object {
  const full = Object.entries(lists).filter(([, list]) => list.length > 0);
  return full.length === 0 ? {} : { [name]: Object.fromEntries(full) };
}

const objectOf = ({ dir, path, pattern }: Omit<PathRule, 'action'>): string => dir ?? path ?? pattern ?? '';

/** Where one object is allowed and blocked, KubeArmor takes either: only what is not blocked stays allowed. */
function rules(all: ReadonlyMap<string, PathRule>): Record<string, readonly PathRule[]> {
  const values = [...all.values()].flatMap((rule): PathRule[] => {
    const block = rule.action === 'Allow' ? all.get(`Block ${objectOf(rule)}`) : undefined;
    if (block === undefined) return [rule];
    return block.readOnly ? [{ ...rule, readOnly: true }] : [];
  });
  return {
    matchPaths: values.filter(({ path }) => path !== undefined),
    matchDirectories: values.filter(({ dir }) => dir !== undefined),
    matchPatterns: values.filter(({ pattern }) => pattern !== undefined),
  };
}

/** What the two kinds share. `Allow` alone blocks nothing where KubeArmor's posture is audit, as it is by default. */
function written(kind: string, { agent, seen }: Source, spec: Spec, scope: object, use: readonly string[]): Written {
  const posture =
    'Allow rules make an allow-list only where the default posture of KubeArmor is block; audit only tells.';
  const full =
    spec.entries > MOST_ENTRIES
      ? [
          `It has ${spec.entries} paths by program: the BPF enforcer holds ${MOST_ENTRIES} a policy, and lets through what finds no room.`,
        ]
      : [];
  return {
    notes: spec.notes,
    use: [
      `A ${kind} (security.kubearmor.com/v1).`,
      ...use,
      posture,
      `Home folders are those that were seen: ${seen.homes.join(', ')}.`,
      ...full,
    ],
    comment: '#',
    body: toYaml({
      apiVersion: 'security.kubearmor.com/v1',
      kind,
      metadata: { name: objectName(agent) },
      spec: { severity: 5, message: 'not in the policy of agentgov', ...scope, ...spec.toObject(), action: 'Block' },
    }),
  };
}

export function kubearmor(source: Source): Written {
  const spec = new Spec(linesOf(source.policy, source.seen.homes), undefined);
  const scope = { selector: { matchLabels: podLabels(source.agent) } };
  return written('KubeArmorPolicy', source, spec, scope, [LABEL_NOTE]);
}

/** Of a host: for the programs that were seen, whoever runs them, because a host policy knows no trees. */
export function kubearmorHost(source: Source): Written {
  const { policy, seen } = source;
  const programs = seen.programs.filter((path) => isPlain(path) && path.length <= MOST_BYTES);
  if (programs.length === 0)
    throw usageError(
      'the profile names no program that KubeArmor could hold, and a policy without one would hold the whole host: learn from recordings of a tier that knows executables, or use --format kubearmor',
    );
  const left = seen.programs.length - programs.length;
  const spec = new Spec(linesOf(policy, seen.homes), programs);
  return written(
    'KubeArmorHostPolicy',
    source,
    spec,
    { nodeSelector: { matchLabels: { 'kubearmor.io/hostname': '*' } } },
    [
      'It holds every process of the host that runs one of these programs, and no other program that the agent may start: KubeArmor knows no trees. Write your host behind kubearmor.io/hostname.',
      ...(left > 0
        ? [`${left} of the programs that were seen have names that KubeArmor does not take: they are not held.`]
        : []),
    ],
  );
}
