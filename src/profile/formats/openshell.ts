// A sandbox policy of NVIDIA OpenShell, version 1 (crates/openshell-policy, PolicyFile). Files are held by Landlock: what is
// listed is open with all that is below it, and nothing below can be closed again. Hosts are held by program.
import { type PathPattern, parseAddress, pathsMeet } from '../../policy/index.js';
import { toYaml } from './kubernetes.js';
import { Notes, objectText, type Written } from './notes.js';
import {
  ANY_SYSTEM,
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
  TOOL,
  UNIX,
} from './source.js';

/** More are refused (docs/reference/policy-schema.mdx). */
const MOST_PATHS = 256;
const MOST_PORTS = 64;

interface Endpoint {
  host: string;
  ports: number[];
  allowed_ips?: string[];
}

class Sandbox {
  readonly notes = new Notes();
  readonly paths = new Map<string, 'read_only' | 'read_write'>();
  readonly network = new Map<string, { name: string; endpoints: Endpoint[]; binaries: { path: string }[] }>();
  /** Folders on the way to anything that some rule names. */
  readonly #parents: ReadonlySet<string>;
  readonly #open: { readonly path: PathPattern; readonly writes: boolean }[] = [];

  constructor(
    lines: readonly Line[],
    readonly seen: Source['seen'],
  ) {
    this.#parents = new Set(lines.flatMap((line) => parentsOf(pathOf(line))));
    for (const line of lines.filter(({ forbids }) => !forbids)) this.#allow(line);
    for (const line of lines.filter(({ forbids }) => forbids)) this.#forbid(line);
  }

  #notAtAll(line: Line): void {
    const { ops } = line;
    if ((ops & TOOL) !== 0) this.notes.add('not expressed', 'tool', 'no tool calls are seen', line);
    if ((ops & UNIX) !== 0) this.notes.add('not expressed', 'unix', 'OpenShell does not hold local sockets', line);
    if ((ops & ANY_SYSTEM) !== 0) this.notes.add('not expressed', 'system', 'as the sandbox has it', line);
  }

  #forbid(line: Line): void {
    this.#notAtAll(line);
    if (line.rule.action === 'HUMAN_APPROVAL')
      this.notes.add('stricter', 'all', 'closed where nothing opens it, nobody is asked', line);
    const path = pathOf(line);
    if (path === undefined || (line.ops & (READ | CHANGES | EXEC)) === 0) return;
    const onlyChanges = (line.ops & (READ | EXEC)) === 0;
    if (this.#open.some((open) => (open.writes || !onlyChanges) && pathsMeet(open.path, path)))
      this.notes.add('not expressed', 'file', 'in a folder that is open nothing can be closed', line, objectText(line));
  }

  #allow(line: Line): void {
    this.#notAtAll(line);
    const path = pathOf(line);
    if (path === undefined) this.#network(line);
    else if (!isAbstract(path) && (line.ops & (READ | CHANGES | EXEC)) !== 0) this.#file(line, path);
  }

  #file(line: Line, path: PathPattern): void {
    const { ops } = line;
    const value = objectText(line);
    const plain = plainPath(path);
    const isFolder = path.kind === 'folder';
    if (plain === undefined || plain === '') {
      this.notes.add(
        'not expressed',
        'file',
        'no patterns, no root folder, and no such characters: closed',
        line,
        value,
      );
      return;
    }
    if (!isFolder && this.#parents.has(plain)) {
      this.notes.add('not expressed', 'file', 'to list a folder would open what is in it: closed', line, value);
      return;
    }
    const writes = (ops & CHANGES) !== 0;
    const known = this.paths.get(plain);
    if (known === undefined && this.paths.size === MOST_PATHS) {
      this.notes.add('not expressed', 'file', `OpenShell takes ${MOST_PATHS} paths: closed`, line, value);
      return;
    }
    this.paths.set(plain, writes || known === 'read_write' ? 'read_write' : 'read_only');
    this.#open.push({ path, writes });
    if (!isFolder) this.notes.add('wider', 'file', 'where it is a folder, all that is in it', line);
    if ((ops & EXEC) === 0) this.notes.add('wider', 'exec', 'what may be read may be run', line);
    if ((ops & READ) === 0) this.notes.add('wider', 'file', 'what is listed may be read', line, value);
    if (writes && otherChanges(ops).length > 0)
      this.notes.add('wider', 'file', `all changes are one: also ${otherChanges(ops).join(', ')}`, line, value);
  }

  #network(line: Line): void {
    const { ops, object, rule, protocols } = line;
    const value = objectText(line);
    if ((ops & LISTEN) !== 0)
      this.notes.add('not expressed', 'network', 'nothing is said of sockets that wait', line, value);
    if ((ops & OUT) === 0) return;
    const isTcp = protocols?.includes('tcp') ?? rule.match.event?.includes('network_connect') ?? true;
    const addresses = 'block' in (object ?? {}) ? [value] : (this.seen.addresses.get(value) ?? []);
    if (object === undefined || value.includes('/') || !isTcp || addresses.some(isNever)) {
      this.notes.add('not expressed', 'network', 'hosts by TCP only, and never the own machine: closed', line, value);
      return;
    }
    const ports = (line.ports ?? []).filter(([from, to]) => from === to && from > 0).map(([port]) => port);
    const binaries = (line.exe?.map((path) => plainPath(path)) ?? this.seen.programs).filter(
      (path) => path !== undefined && path !== '' && isPlain(path),
    ) as string[];
    if (ports.length === 0 || ports.length > MOST_PORTS || binaries.length === 0) {
      this.notes.add(
        'not expressed',
        'network',
        'needs single ports, and programs by plain names: closed',
        line,
        value,
      );
      return;
    }
    if (ports.length < (line.ports?.length ?? 0) || (line.exe !== undefined && binaries.length < line.exe.length))
      this.notes.add(
        'stricter',
        'network',
        'without ranges of ports, and without programs of other names',
        line,
        value,
      );
    this.notes.add('wider', 'network', 'also for what these programs start', line);
    const inside = addresses.filter(isPrivate).map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
    this.network.set(rule.name, {
      name: rule.name.replaceAll('_', '-'),
      endpoints: [{ host: value, ports, ...(inside.length > 0 && { allowed_ips: inside }) }],
      binaries: binaries.map((path) => ({ path })),
    });
  }

  toObject(): object {
    const of = (mode: 'read_only' | 'read_write'): string[] =>
      [...this.paths].flatMap(([path, how]) => (how === mode ? [path] : []));
    return {
      version: 1,
      filesystem_policy: { include_workdir: false, read_only: of('read_only'), read_write: of('read_write') },
      landlock: { compatibility: 'best_effort' },
      network_policies: Object.fromEntries(this.network),
    };
  }
}

/** Up to its first wildcard. */
function parentsOf(path: PathPattern | undefined): string[] {
  if (path === undefined) return [];
  const wild = path.components.findIndex((name) => name === 'any' || name.length > 1);
  const names = wild === -1 ? path.components.slice(0, -1) : path.components.slice(0, wild);
  return names.map((_, at) => `/${names.slice(0, at + 1).join('/')}`);
}

/** What OpenShell never opens: the loopback, link-local and unspecified addresses. */
const isNever = (address: string): boolean => /^(?:127\.|169\.254\.|0\.|::1?$|fe[89ab])/i.test(address);
/** What it opens only where `allowed_ips` says so. */
const isPrivate = (address: string): boolean =>
  parseAddress(address) !== undefined &&
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd])/i.test(address);

export function openshell({ policy, seen }: Source): Written {
  const sandbox = new Sandbox(linesOf(policy, seen.homes), seen);
  return {
    notes: sandbox.notes,
    use: [
      'A sandbox policy of OpenShell (version 1). It holds from the start of the sandbox.',
      'landlock is best_effort, because hard_requirement asks that every path is there: where the kernel has no Landlock, files are not held.',
      `Home folders are those that were seen: ${seen.homes.join(', ')}.`,
    ],
    comment: '#',
    body: toYaml(sandbox.toObject()),
  };
}
