import { basename } from 'node:path';

/** Programs that run a script: their own name says nothing about the agent. */
const INTERPRETER =
  /^(node|nodejs|bun|deno|tsx|ts-node|(python|pypy)[\d.]*|ruby[\d.]*|perl[\d.]*|php[\d.]*|lua[\d.]*|(ba|da|z|k|a|mk)?sh)$/;

/** Options of interpreters whose value is the next argument (as their manuals have it). */
const TAKES_VALUE = new Set([
  ...['-r', '--require', '--import', '--loader', '--experimental-loader', '-C', '--conditions', '--env-file'],
  ...['--title', '--stack-trace-limit', '--input-type', '--icu-data-dir', '--openssl-config'],
  ...['-W', '-X', '--check-hash-based-pycs'],
  ...['-I', '-O', '+O', '--rcfile', '--init-file', '--tsconfig', '--preload', '--config'],
]);
/** The program text is on the command line or on stdin: there is no script. `-e` of a shell is no such thing. */
const INLINE = {
  shell: /^(-|-[a-zA-Z]*[cs][a-zA-Z]*)$/,
  python: /^(-|-[a-zA-Z]*c)$/,
  other: /^(-|-e|-p|-pe|-ne|--eval|--print)$/,
};
/** `deno run x.ts`, `bun run x.ts`. */
const SUBCOMMAND = /^(run|test|serve)$/;

/**
 * What an interpreter runs, as its command line names it.
 * @returns undefined where it runs none (a REPL, `-c TEXT`).
 */
export function scriptOf(interpreter: string, args: readonly string[]): string | undefined {
  const family = /sh$/.test(interpreter) ? 'shell' : /^(python|pypy)/.test(interpreter) ? 'python' : 'other';
  const python = family === 'python';
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (python && arg === '-m') return args[at + 1];
    if (INLINE[family].test(arg)) return undefined;
    if (arg === '--') return args[at + 1];
    if (arg.startsWith('-') || arg.startsWith('+')) {
      const takes = TAKES_VALUE.has(arg) && !(python && /^-[IO]$/.test(arg));
      if (takes) at++;
      continue;
    }
    if (/^(deno|bun)$/.test(interpreter) && SUBCOMMAND.test(arg)) continue;
    return arg;
  }
  return undefined;
}

/** Base names by which a program is known. */
export interface ProgramNames {
  executable: string;
  /** Of the script, where the executable is an interpreter. */
  script?: string;
}

/**
 * The names of a program: of its executable, and of the script that it runs if it is an interpreter. An interpreter
 * that has overwritten its command line with a title (`process.title = "claude"`) has that as its script.
 *
 * `exe`: path or name of the executable; `argv`: the whole command line, its first word included.
 */
export function programNames(exe: string, argv: readonly string[]): ProgramNames {
  const executable = basename(exe !== '' ? exe : (argv[0] ?? ''));
  // A symlink to an interpreter (`python3` → `python3.11`) is one too; any other link is the agent's own name.
  if (!INTERPRETER.test(executable)) return { executable };
  const title = basename((argv[0] ?? '').split(' ')[0] ?? '');
  const script = scriptOf(executable, argv.slice(1));
  if (script !== undefined) return { executable, script: basename(script) };
  // A login shell is `-bash`.
  if (title !== '' && !INTERPRETER.test(title.replace(/^-/, ''))) return { executable, script: title };
  return { executable };
}

/** The longest agent id: with it the control socket's path stays within the 107 bytes of a unix socket address. */
export const MAX_AGENT_ID = 64;

/** What an agent id may be: it becomes a folder and a socket name. */
export const isAgentId = (id: string): boolean =>
  /^[A-Za-z0-9_@+][A-Za-z0-9._@+-]*$/.test(id) && id.length <= MAX_AGENT_ID;

/** The agent id for a program: the base name of its script or executable, made safe as a path component. */
export function agentIdFor({ executable, script }: ProgramNames): string {
  const safe = (script ?? executable).replace(/[^A-Za-z0-9._@+-]/g, '_').replace(/^[.-]+/, '');
  return safe.slice(0, MAX_AGENT_ID) || 'agent';
}
