import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { deferred } from '../deferred.js';
import { EXIT } from '../errors.js';
import { childEnd, notStarted } from './child.js';

export interface LaunchOptions {
  /** The loader binary, from findLoader(). */
  path: string;
  command: string[];
  env: NodeJS.ProcessEnv;
  /** Whom to become before exec; agentgov's own identity when absent. */
  identity?: { uid: number; gid: number; groups: number[] };
}

/** How the launched process ended. */
export type Ending = { exitCode: number } | { signal: string; number: number };

/** A process that waits to become CMD. */
export interface Launched {
  readonly pid: number;
  /**
   * Let it exec. @returns undefined once CMD runs, or the errno that exec failed with.
   */
  go(): Promise<number | undefined>;
  /** It never runs CMD and ends silently. */
  cancel(): void;
  readonly ended: Promise<Ending>;
}

const signalNumber = (name: string): number => constants.signals[name as NodeJS.Signals] ?? 0;

const GO_FD = 3;
const REPORT_FD = 4;

/**
 * Starts `agentgov-loader exec`: CMD with the terminal as its own, in agentgov's process group so that Ctrl-C and job
 * control reach it as if agentgov were not there, waiting to be governed before its first instruction.
 * @throws AgentgovError exit 4 when the launcher cannot be started.
 */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const args = ['exec', '--go-fd', String(GO_FD), '--report-fd', String(REPORT_FD)];
  const { identity } = options;
  if (identity !== undefined) {
    args.push('--uid', String(identity.uid), '--gid', String(identity.gid), '--groups', identity.groups.join(','));
  }
  const child = spawn(options.path, [...args, '--', ...options.command], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe', 'pipe'],
    env: options.env,
  });
  const { pid } = child;
  if (pid === undefined) return notStarted(child, options.path);

  const go = child.stdio[GO_FD] as unknown as NodeJS.WritableStream;
  const report = child.stdio[REPORT_FD] as unknown as NodeJS.ReadableStream;
  go.on('error', () => {}); // the launcher is gone; `ended` says so
  const started = deferred<number | undefined>();
  let said = '';
  report.on('data', (chunk: Buffer) => {
    if (said.length < 16) said += chunk.toString('latin1');
  });
  // The report end is close-on-exec: its end without a word is the success of exec.
  report.on('close', () => started.resolve(/^\d+\n/.test(said) ? Number.parseInt(said, 10) : undefined));
  report.on('error', () => {});

  const ended = childEnd(child).then(({ exitCode, signal }): Ending => {
    if (signal !== undefined) return { signal, number: signalNumber(signal) };
    return { exitCode: exitCode ?? EXIT.internal };
  });
  return {
    pid,
    go: () => {
      go.end('g');
      return started.promise;
    },
    cancel: () => go.end(),
    ended,
  };
}
