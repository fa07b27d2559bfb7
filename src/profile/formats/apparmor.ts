// An AppArmor profile: apparmor.d(5), language and ABI 3.0 (Debian 12, Ubuntu 22.04 and later).
import { EVERY_HOME, type PathPattern } from '../../policy/index.js';
import { glob, literal } from './apparmor-glob.js';
import { Notes, objectText, type Written } from './notes.js';
import {
  CHANGES,
  EXEC,
  isAbstract,
  LINK,
  LISTEN,
  type Line,
  linesOf,
  OUT,
  otherChanges,
  pathOf,
  READ,
  RENAME,
  type Source,
  SYSTEM,
  type SystemEvent,
  TOOL,
  UNIX,
} from './source.js';

const NO_HOSTS = 'AppArmor knows no hosts, ports or single programs: every destination of the family';

/** What agentgov has no opinion on, and a program cannot live without. */
const ALWAYS = [
  'capability,',
  'signal (receive),',
  'ptrace (read, readby, tracedby),',
  'unix (create, getattr, setattr, getopt, setopt, listen, accept, send, receive, shutdown),',
];

/** Capabilities that stand for events, as near as it comes. */
const CAPABILITIES: Partial<Record<SystemEvent, string>> = {
  privilege_change: 'setuid setgid setpcap setfcap',
  kernel_tamper: 'sys_module sys_boot sys_rawio bpf perfmon',
};
const FAMILIES: Readonly<Record<string, string>> = {
  netlink: 'netlink',
  packet: 'packet',
  vsock: 'vsock',
  alg: 'alg',
  tcp: 'inet',
  udp: 'inet',
  icmp: 'inet',
  raw: 'inet',
};

class Profile {
  readonly notes = new Notes();
  /** Rules of the profile by what they are of, each once. */
  readonly files = new Set<string>();
  readonly denied = new Set<string>();
  readonly network = new Set<string>();
  readonly sockets = new Set<string>();
  readonly system = new Set<string>();

  constructor(readonly own: string) {}

  take(line: Line): void {
    const { ops, rule } = line;
    if (rule.action === 'HUMAN_APPROVAL') this.notes.add('stricter', 'all', 'denied, nobody is asked', line);
    if ((ops & TOOL) !== 0) this.notes.add('not expressed', 'tool', 'the kernel sees no tool calls', line);
    const path = pathOf(line);
    if (path === undefined) this.#network(line);
    else if (isAbstract(path)) this.#abstract(line, path);
    else this.#file(line, path);
    for (const [event, bit] of Object.entries(SYSTEM)) if ((ops & bit) !== 0) this.#system(event as SystemEvent, line);
  }

  #file(line: Line, path: PathPattern): void {
    const { ops, forbids } = line;
    const changes = ops & CHANGES;
    const others = otherChanges(changes);
    if (changes !== 0 && others.length > 0)
      this.notes.add(
        forbids ? 'stricter' : 'wider',
        'file',
        `w stands for all changes: also ${others.join(', ')}`,
        line,
        objectText(line),
      );
    const renames = !forbids && (ops & RENAME) !== 0 && (ops & READ) === 0;
    if (renames) this.notes.add('wider', 'file', 'to rename is to read', line, objectText(line));
    const opens = (ops & READ) !== 0 || renames || (!forbids && (ops & UNIX) !== 0);
    const touches = changes !== 0 || (ops & (UNIX | LISTEN)) !== 0;
    if ((ops & UNIX) !== 0 && changes === 0)
      this.notes.add(forbids ? 'stricter' : 'wider', 'unix', 'to connect to a socket is to write there', line);
    const permissions = [
      opens ? 'r' : '',
      (ops & READ) !== 0 ? 'm' : '',
      touches ? 'w' : '',
      !forbids && (opens || changes !== 0) ? 'k' : '',
      (ops & LINK) !== 0 ? 'l' : '',
      (ops & EXEC) === 0 ? '' : forbids ? 'x' : 'ix',
    ].join('');
    if (permissions === '') return;
    const text = `"${glob(path)}" ${permissions},`;
    if (forbids) this.denied.add(`deny ${text}`);
    else this.files.add(text);
  }

  #abstract(line: Line, { components }: PathPattern): void {
    const name = components
      .slice(1)
      .map((part) => (part === 'any' ? '**' : part.map(literal).join('*')))
      .join('/');
    const deny = line.forbids ? 'deny ' : '';
    if ((line.ops & UNIX) !== 0) this.sockets.add(`${deny}unix (connect, send, receive) peer=(addr="@${name}"),`);
    if ((line.ops & LISTEN) !== 0) this.sockets.add(`${deny}unix (bind) addr="@${name}",`);
  }

  #network(line: Line): void {
    const { ops, forbids, object, protocols } = line;
    if ((ops & (OUT | LISTEN)) === 0) return;
    if (forbids) {
      this.notes.add(
        'not expressed',
        'network',
        'AppArmor knows no hosts: closed only if no other rule opens the family',
        line,
        objectText(line),
      );
      return;
    }
    for (const family of familiesOf(line)) this.network.add(`network ${family},`);
    const isFamily = object === undefined && protocols?.every((name) => FAMILIES[name] === name && name !== 'raw');
    if (!isFamily) this.notes.add('wider', 'network', NO_HOSTS, line, objectText(line));
  }

  #system(event: SystemEvent, line: Line): void {
    const { forbids } = line;
    const capabilities = CAPABILITIES[event];
    if (!forbids && line.exe !== undefined) this.notes.add('wider', 'system', `${event} of every program`, line);
    if (event === 'mount')
      for (const word of ['mount', 'umount', 'pivot_root', 'capability sys_chroot'])
        this.system.add(`${forbids ? 'deny ' : ''}${word},`);
    else if (event === 'ptrace') this.system.add(forbids ? 'deny ptrace (trace),' : 'ptrace,');
    else if (event === 'signal') this.system.add(forbids ? `signal (send) peer="${this.own}",` : 'signal,');
    else if (capabilities === undefined) this.notes.add('not expressed', 'system', `ABI 3.0 has no ${event}`, line);
    else if (forbids) {
      for (const capability of capabilities.split(' ')) this.system.add(`deny capability ${capability},`);
      this.notes.add('wider', 'system', `of ${event} only what needs a capability`, line);
    }
  }
}

function familiesOf({ object, protocols }: Line): string[] {
  if (object !== undefined && 'block' in object) return [object.block.bytes.length === 4 ? 'inet' : 'inet6'];
  const named = (protocols ?? ['tcp']).map((name) => FAMILIES[name]).filter((name) => name !== undefined);
  return named.flatMap((family) => (family === 'inet' ? ['inet', 'inet6'] : [family]));
}

const section = (title: string, rules: Iterable<string>): string[] => {
  const all = [...rules].sort();
  return all.length === 0 ? [] : ['', `  # ${title}`, ...all.map((rule) => `  ${rule}`)];
};

export function apparmor({ agent, policy }: Source): Written {
  const own = `agentgov-${agent}`;
  const profile = new Profile(own);
  for (const line of linesOf(policy, EVERY_HOME)) profile.take(line);
  const { mode = 'audit' } = policy.document;
  const flags = mode === 'audit' ? ' flags=(complain)' : '';
  const { files, denied, network, sockets, system, notes } = profile;
  return {
    notes,
    use: [
      `An AppArmor profile (ABI 3.0). apparmor_parser -r FILE; aa-exec -p ${own} -- CMD puts CMD and all that it starts under it.`,
      ...(mode === 'audit'
        ? ['It is in complain mode, but deny rules hold even so: take flags=(complain) out to enforce the rest.']
        : []),
    ],
    comment: '#',
    body: [
      'abi <abi/3.0>,',
      '',
      `profile "${own}"${flags} {`,
      ...section('What agentgov has no rules for.', ALWAYS).slice(1),
      ...section('Files and programs.', files),
      ...section('Never, whatever stands above.', denied),
      ...section('Sockets.', [...network, ...sockets]),
      ...section('Processes and the kernel.', system),
      '}',
      '',
    ].join('\n'),
  };
}
