// A TracingPolicy of Tetragon, cilium.io/v1alpha1 (pkg/k8s/apis/cilium.io/client/crds). Each hook has selectors, any of which
// denies: one for what is on no list of what is allowed, and one for each kind of what is closed.
import { usageError } from '../../errors.js';
import type { Block, PathPattern } from '../../policy/index.js';
import { blocksOf, cidr } from './addresses.js';
import { objectName, toYaml } from './kubernetes.js';
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
  pathOf,
  plainPath,
  READ,
  type Source,
  SYSTEM,
  type SystemEvent,
  TOOL,
  UNIX,
  WRITE,
} from './source.js';

/** Limits of its tries (bpf/lib of Tetragon: PREFIX, POSTFIX). */
const MOST_PREFIX = 255;
const MOST_POSTFIX = 127;
/** Of security_file_permission (include/linux/fs.h). */
const MAY_WRITE = '2';

/** System calls by the events that they make; only those that every kernel with Tetragon has, or the policy would not load. */
const CALLS: Partial<Record<SystemEvent, readonly string[]>> = {
  mount: ['mount', 'umount', 'move_mount', 'pivot_root', 'chroot'],
  privilege_change: [
    ...['setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid', 'setfsuid', 'setfsgid', 'setgroups'],
    ...['capset', 'unshare', 'setns'],
  ],
  ptrace: ['ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_getfd'],
  io_uring_setup: ['io_uring_setup'],
  kernel_tamper: ['bpf', 'init_module', 'finit_module', 'delete_module', 'perf_event_open'],
};

interface MatchArg {
  index: number;
  operator: string;
  values: readonly string[];
}

/** Paths in the three ways in which they are compared. */
class Paths {
  readonly Equal = new Set<string>();
  readonly Prefix = new Set<string>();
  readonly Postfix = new Set<string>();

  /** Each kind as a filter that matches. */
  matches(index: number): MatchArg[] {
    return this.#kinds.map(([operator, values]) => ({ index, operator, values: [...values] }));
  }

  /** All kinds together as filters that match what is none of them. */
  misses(index: number): MatchArg[] {
    return this.#kinds.map(([operator, values]) => ({ index, operator: `Not${operator}`, values: [...values] }));
  }

  get #kinds(): [string, Set<string>][] {
    const kinds: [string, Set<string>][] = [
      ['Equal', this.Equal],
      ['Prefix', this.Prefix],
      ['Postfix', this.Postfix],
    ];
    return kinds.filter(([, values]) => values.size > 0);
  }
}

class Policy {
  readonly notes = new Notes();
  readonly allowed = { open: new Paths(), exec: new Paths() };
  readonly closed = { open: new Paths(), write: new Paths(), exec: new Paths() };
  readonly reached = new Set<string>();
  readonly shut = new Set<string>();
  readonly calls = new Set<string>();
  readonly #opened: number;

  constructor(
    lines: readonly Line[],
    readonly addresses: Source['seen']['addresses'],
  ) {
    this.#opened = lines.reduce((all, { forbids, ops }) => (forbids ? all : all | ops), 0);
    for (const line of lines) this.#take(line);
  }

  #take(line: Line): void {
    const { ops, rule, forbids } = line;
    if (rule.action === 'HUMAN_APPROVAL') this.notes.add('stricter', 'all', 'denied, nobody is asked', line);
    if ((ops & TOOL) !== 0) this.notes.add('not expressed', 'tool', 'the kernel sees no tool calls', line);
    if ((ops & UNIX) !== 0) this.notes.add('not expressed', 'unix', 'its hooks show no names of local sockets', line);
    if ((ops & LISTEN) !== 0) this.notes.add('not expressed', 'network', 'sockets that wait are not held', line);
    const path = pathOf(line);
    if (path !== undefined && !isAbstract(path)) this.#paths(line, path);
    else if (path === undefined && (ops & OUT) !== 0) this.#network(line);
    for (const [event, bit] of Object.entries(SYSTEM))
      if ((ops & bit) !== 0) this.#system(event as SystemEvent, line, forbids);
  }

  #paths(line: Line, path: PathPattern): void {
    const { ops, forbids } = line;
    const value = objectText(line);
    if ((ops & CHANGES & ~WRITE) !== 0)
      this.notes.add('not expressed', 'file', 'of all changes only writing is held', line, value);
    const sets = forbids ? this.#closedBy(ops) : this.#allowedBy(ops);
    if (sets.length === 0) return;
    const [spelled, kind] = this.#spelled(path) ?? [];
    if (spelled === undefined || kind === undefined) {
      const why = 'no stars within a path, and no such characters';
      this.notes.add(forbids ? 'not expressed' : 'stricter', 'file', why, line, value);
      return;
    }
    if (!forbids && (ops & CHANGES) === 0)
      this.notes.add('wider', 'file', 'what may be opened may be written, where nothing closes that', line);
    if (!forbids && (ops & READ) === 0)
      this.notes.add('wider', 'file', 'what may be written or run may be read', line, value);
    if (forbids && (ops & READ) !== 0 && (ops & WRITE) === 0)
      this.notes.add('stricter', 'file', 'what must not be read is not opened for writing either', line, value);
    for (const set of sets) {
      set[kind].add(spelled);
      // A folder is itself and what is below it.
      if (kind === 'Prefix' && spelled !== '/') set.Equal.add(spelled.slice(0, -1));
    }
  }

  /** To write a file and to run it is to open it. */
  #allowedBy(ops: number): Paths[] {
    const { open, exec } = this.allowed;
    return [...((ops & (READ | CHANGES | EXEC)) === 0 ? [] : [open]), ...((ops & EXEC) === 0 ? [] : [exec])];
  }

  #closedBy(ops: number): Paths[] {
    const { open, write, exec } = this.closed;
    return [
      ...((ops & READ) === 0 ? [] : [open]),
      ...((ops & WRITE) === 0 ? [] : [write]),
      ...((ops & EXEC) === 0 ? [] : [exec]),
    ];
  }

  #spelled(path: PathPattern): [string, 'Equal' | 'Prefix' | 'Postfix'] | undefined {
    const plain = plainPath(path);
    if (plain !== undefined) {
      if (path.kind === 'folder') return plain.length < MOST_PREFIX ? [`${plain}/`, 'Prefix'] : undefined;
      return [plain === '' ? '/' : plain, 'Equal'];
    }
    const [first, ...rest] = path.components;
    if (first !== 'any' || rest.length === 0 || rest.some((name) => name === 'any' || name.length > 1))
      return undefined;
    const ending = rest.map((name) => `/${name[0]}`).join('');
    return isPlain(ending) && ending.length <= MOST_POSTFIX ? [ending, 'Postfix'] : undefined;
  }

  #network(line: Line): void {
    const { ops, forbids, ports, exe, protocols, object } = line;
    const value = objectText(line);
    if (!forbids && object === undefined && protocols?.some((name) => name !== 'tcp' && name !== 'udp')) {
      this.notes.add('wider', 'network', 'only connections over IP are held', line, value);
      return;
    }
    const blocks: readonly Block[] =
      forbids && object !== undefined && 'domain' in object ? [] : blocksOf(line, this.addresses, this.notes);
    if (forbids && blocks.length === 0) this.notes.add('not expressed', 'network', 'no names of hosts', line, value);
    for (const block of blocks) (forbids ? this.shut : this.reached).add(cidr(block));
    if (!forbids) {
      if (exe !== undefined || ports !== undefined)
        this.notes.add('wider', 'network', 'for every program, and to every port', line, value);
      if ((ops & OUT) !== 0 && line.rule.match.event?.includes('network_send'))
        this.notes.add('wider', 'network', 'what is sent without a connection is not held', line, value);
    }
  }

  #system(event: SystemEvent, line: Line, forbids: boolean): void {
    const calls = CALLS[event];
    if (calls === undefined) this.notes.add('not expressed', 'system', `it cannot tell which ${event} is meant`, line);
    else if (!forbids) this.notes.add('wider', 'system', `${event} of every program`, line);
    else if ((this.#opened & SYSTEM[event]) === 0) {
      for (const call of calls) this.calls.add(call);
      if (event === 'kernel_tamper') this.notes.add('not expressed', 'system', 'kexec, iopl and ioperm', line);
    }
  }
}

export function tetragon({ agent, policy, seen }: Source): Written {
  const roots = seen.roots.filter(isPlain);
  if (roots.length === 0)
    throw usageError(
      'the profile does not name the executable of the agent, and a TracingPolicy without one would hold the whole machine: learn from recordings that begin with its start',
    );
  const made = new Policy(linesOf(policy, seen.homes), seen.addresses);
  const tree = { matchBinaries: [{ operator: 'In', values: roots, followChildren: true }] };
  const deny = (matchArgs: readonly MatchArg[]): object => ({
    ...tree,
    ...(matchArgs.length > 0 && { matchArgs }),
    matchActions: [{ action: 'Override', argError: -1 }],
  });
  /** What is on no list of what is allowed, and what is on a list of what is closed. */
  const onPath = (of: 'open' | 'exec'): object[] => [
    deny(made.allowed[of].misses(0)),
    ...made.closed[of].matches(0).map((match) => deny([match])),
  ];
  // A pipe and a terminal are written to as files are, and have no name that could be on a list of what is allowed.
  const mayWrite = { index: 1, operator: 'Equal', values: [MAY_WRITE] };
  const onWrite = made.closed.write.matches(0).map((match) => deny([match, mayWrite]));
  const hook = (call: string, types: readonly string[], selectors: readonly object[]): object => ({
    call,
    syscall: false,
    args: types.flatMap((type, index) => (type === '' ? [] : [{ index, type }])),
    selectors,
  });
  const families = { index: 1, operator: 'Family', values: ['AF_INET', 'AF_INET6'] };
  const { reached, shut, calls } = made;
  return {
    notes: made.notes,
    use: [
      'A TracingPolicy of Tetragon (cilium.io/v1alpha1), in policy-mode monitor, in which it only tells: write enforce to have it deny.',
      `It holds what is started as ${roots.join(', ')}, whoever starts it, and all that descends from it from then on.`,
      'The kernel opens the interpreter of a program (ld-linux) by itself, which no recording shows: it is to be added to what may be opened.',
      'Writing through a mapping of a file is not seen; to deny system calls the kernel needs CONFIG_BPF_KPROBE_OVERRIDE.',
      `Home folders are those that were seen: ${seen.homes.join(', ')}.`,
    ],
    comment: '#',
    body: toYaml({
      apiVersion: 'cilium.io/v1alpha1',
      kind: 'TracingPolicy',
      metadata: { name: objectName(agent) },
      spec: {
        options: [{ name: 'policy-mode', value: policy.document.mode === 'enforce' ? 'enforce' : 'monitor' }],
        kprobes: [
          hook('security_file_open', ['file'], onPath('open')),
          ...(onWrite.length > 0 ? [hook('security_file_permission', ['file', 'int'], onWrite)] : []),
          hook('security_bprm_check', ['linux_binprm'], onPath('exec')),
          hook(
            'security_socket_connect',
            ['', 'sockaddr'],
            [
              deny([families, ...(reached.size > 0 ? [{ index: 1, operator: 'NotSAddr', values: [...reached] }] : [])]),
              ...(shut.size > 0 ? [deny([{ index: 1, operator: 'SAddr', values: [...shut] }])] : []),
            ],
          ),
          ...[...calls].map((call) => ({ call: `sys_${call}`, syscall: true, selectors: [deny([])] })),
        ],
      },
    }),
  };
}
