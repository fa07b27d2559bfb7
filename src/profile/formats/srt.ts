// Settings of sandbox-runtime (~/.srt-settings.json; SandboxRuntimeConfigSchema in its src/sandbox/sandbox-config.ts). What
// it lets be read is everything but denyRead, and what may be written nothing but allowWrite without denyWrite.
import type { PathPattern } from '../../policy/index.js';
import { Notes, objectText, type Written } from './notes.js';
import {
  ANY_SYSTEM,
  CHANGES,
  CREATE,
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

/** Stands for `~`, which these settings have themselves: no file has this name. */
const HOME = '/\u0001';

class Settings {
  readonly notes = new Notes();
  readonly allowed = new Set<string>();
  readonly denied = new Set<string>();
  readonly denyRead = new Set<string>();
  readonly allowWrite = new Set<string>();
  readonly denyWrite = new Set<string>();
  allowLocalBinding = false;

  take(line: Line): void {
    const { ops, rule, forbids } = line;
    if (rule.action === 'HUMAN_APPROVAL') this.notes.add('stricter', 'all', 'denied, nobody is asked', line);
    if ((ops & TOOL) !== 0) this.notes.add('not expressed', 'tool', 'no tool calls are seen', line);
    if ((ops & EXEC) !== 0) this.notes.add('not expressed', 'exec', 'every program may run', line);
    if ((ops & ANY_SYSTEM) !== 0) this.notes.add('not expressed', 'system', 'as the sandbox has it', line);
    if ((ops & UNIX) !== 0 && !forbids)
      this.notes.add('stricter', 'unix', 'on Linux all local sockets are closed, or none', line);
    const path = pathOf(line);
    if (path === undefined) this.#network(line);
    else if (!isAbstract(path)) this.#file(line, path);
  }

  #file(line: Line, path: PathPattern): void {
    const { ops, forbids } = line;
    if (!forbids && (ops & READ) !== 0)
      this.notes.add('wider', 'file', 'everything may be read but what is denied', line);
    const value = objectText(line).replace(HOME, '~');
    const changes = ops & CHANGES;
    if (changes === 0 && !(forbids && (ops & READ) !== 0)) return;
    const name = spell(path);
    if (name === undefined) {
      this.notes.add('not expressed', 'file', 'on Linux there are no patterns, and no such characters', line, value);
      return;
    }
    if (forbids && (ops & READ) !== 0) {
      this.denyRead.add(name);
      if (changes === 0) this.notes.add('stricter', 'file', 'denied for reading is denied for everything', line, value);
    }
    if (changes === 0) return;
    (forbids ? this.denyWrite : this.allowWrite).add(name);
    const others = otherChanges(changes);
    if (others.length > 0)
      this.notes.add(
        forbids ? 'stricter' : 'wider',
        'file',
        `all changes are one: also ${others.join(', ')}`,
        line,
        value,
      );
    if (!forbids && path.kind === 'exact' && (ops & CREATE) !== 0)
      this.notes.add('stricter', 'file', 'on Linux only files that are there at the start are opened', line, value);
  }

  #network(line: Line): void {
    const { ops, forbids, exe } = line;
    if ((ops & LISTEN) !== 0 && !forbids) {
      this.allowLocalBinding = true;
      this.notes.add('wider', 'network', 'every local port may be bound', line, objectText(line));
    }
    if ((ops & OUT) === 0) return;
    const host = hostOf(line);
    const isTcp = line.protocols?.includes('tcp') ?? line.rule.match.event?.includes('network_connect') ?? true;
    if (host === undefined || !isTcp) {
      this.notes.add('not expressed', 'network', 'hosts with a dot and TCP by a proxy only', line, objectText(line));
      return;
    }
    if (forbids) {
      this.denied.add(host);
      return;
    }
    if (exe !== undefined) this.notes.add('wider', 'network', 'for every program', line);
    const { ports } = line;
    if (ports?.every(([from, to]) => from === to)) for (const [port] of ports) this.allowed.add(`${host}:${port}`);
    else {
      this.allowed.add(host);
      if (ports !== undefined) this.notes.add('wider', 'network', 'no ranges: every port', line, objectText(line));
    }
  }
}

/** As `isValidDomainPattern` takes it: names with a dot and `localhost`; IPv6 addresses in brackets. */
function hostOf(line: Line): string | undefined {
  const { object } = line;
  if (object === undefined) return undefined;
  const text = objectText(line);
  if ('block' in object) return text.includes('/') ? undefined : text.includes(':') ? `[${text}]` : text;
  return text === 'localhost' || /^(?:\*\.[^.*]+\.[^*]+|[^.*]+\.[^*]+)$/.test(text) ? text : undefined;
}

/** In the words of the settings: no path with a star or a bracket, which they take for a pattern. */
function spell(path: PathPattern): string | undefined {
  const [first, ...rest] = path.components;
  if (first === 'any' || first?.[0] !== HOME.slice(1)) return plainPath(path) || undefined;
  const names = path.kind === 'folder' ? rest.slice(0, -1) : rest;
  const name = names.map((one) => (one === 'any' || one.length > 1 ? '/*' : `/${one[0]}`)).join('');
  return isPlain(name) ? `~${name}` : undefined;
}

export function srt({ policy, seen }: Source): Written {
  const settings = new Settings();
  for (const line of linesOf(policy, [HOME, ...seen.homes])) settings.take(line);
  const { notes, allowed, denied, denyRead, allowWrite, denyWrite, allowLocalBinding } = settings;
  const object = {
    network: {
      allowedDomains: [...allowed],
      deniedDomains: [...denied],
      strictAllowlist: true,
      ...(allowLocalBinding && { allowLocalBinding }),
    },
    filesystem: { denyRead: [...denyRead], allowWrite: [...allowWrite], denyWrite: [...denyWrite] },
  };
  return {
    notes,
    use: [
      'Settings of sandbox-runtime: srt -s FILE CMD. They hold at once, and have no place for comments: what follows stands here only.',
    ],
    body: `${JSON.stringify(object, null, 2)}\n`,
  };
}
