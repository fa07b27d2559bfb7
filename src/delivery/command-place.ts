import { loadExeca } from '../execa.js';
import { PATIENCE_MS, type Place } from './place.js';

/** Nothing of agentgov's own environment, which a service manager or sudo may have put secrets into. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/**
 * A program that reads one text, a line, from its standard input, and says by exit code 0 that it has taken it. One at a
 * time; after some seconds it is killed with all that it started (its process group).
 */
export class CommandPlace implements Place {
  readonly #end = new AbortController();

  constructor(
    readonly name: string,
    private readonly argv: readonly [string, ...string[]],
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  async deliver(text: string): Promise<void> {
    const [file, ...args] = this.argv;
    const execa = await loadExeca();
    const child = execa(file, args, {
      input: `${text}\n`,
      stdout: 'ignore',
      stderr: 'ignore',
      env: ENVIRONMENT,
      extendEnv: false,
      cwd: '/',
      detached: true,
      timeout: this.patienceMs,
      forceKillAfterDelay: false,
      killSignal: 'SIGKILL',
      cancelSignal: this.#end.signal,
      reject: false,
    });
    const { failed, timedOut, isCanceled, exitCode, signal, code } = await child;
    if (timedOut || isCanceled) killGroup(child.pid);
    if (!failed) return;
    if (timedOut) throw new Error(`it did not end within ${this.patienceMs / 1000} s`);
    throw new Error(code ?? (signal === undefined ? `it ended with ${exitCode}` : `it was killed by ${signal}`));
  }

  close(): void {
    this.#end.abort();
  }
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it was left.
  }
}
