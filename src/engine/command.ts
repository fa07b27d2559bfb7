import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { findLoader, type Launched, launch } from '../bpf/index.js';
import { AgentgovError } from '../errors.js';
import { environmentOf, type Identity } from '../targets/index.js';

const SETTLE_MS = 200;

/** CMD could not be run: the exit code that a shell gives, 127 or 126, beside agentgov's own. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** The command of `monitor -- CMD`, from before it starts to its end. */
export class Command {
  readonly pid: number;
  /** 'waiting': it has not begun · 'running' · or how it ended. */
  state: 'waiting' | 'running' | { exitCode: number } | { signal: string; number: number } = 'waiting';
  readonly #argv: readonly string[];
  readonly #launched: Launched;
  readonly #user: Identity | undefined;

  private constructor(argv: readonly string[], launched: Launched, user: Identity | undefined) {
    this.#argv = argv;
    this.#launched = launched;
    this.#user = user;
    this.pid = launched.pid;
    void launched.ended.then((ending) => {
      this.state = ending;
    });
  }

  /** @throws AgentgovError exit 4 when the launcher cannot be started. */
  static async prepare(argv: string[], user: Identity | undefined, loader: string = findLoader()): Promise<Command> {
    const env = user === undefined ? process.env : environmentOf(user, process.env);
    const launched = await launch({
      path: loader,
      command: argv,
      env,
      ...(user === undefined ? {} : { identity: user }),
    });
    return new Command(argv, launched, user);
  }

  get argv(): string[] {
    return [...this.#argv];
  }

  get runs(): boolean {
    return this.state === 'running';
  }

  get hasEnded(): boolean {
    return typeof this.state === 'object';
  }

  /** Resolves at its end. */
  async ended(): Promise<void> {
    await this.#launched.ended;
  }

  /** @throws CommandError when the launcher has ended already: there is nothing that it could run. */
  check(): void {
    if (this.hasEnded) throw this.#failure(undefined);
  }

  /** Gives a launcher that is about to end the time to have ended. */
  async settle(): Promise<void> {
    await Promise.race([this.#launched.ended, sleep(SETTLE_MS)]);
  }

  /** Lets it begin. @throws CommandError when it cannot be run. */
  async start(): Promise<void> {
    const errno = await this.#launched.go();
    if (errno === undefined && this.state === 'waiting') {
      this.state = 'running';
      return;
    }
    if (errno === undefined) return;
    await this.#launched.ended;
    throw this.#failure(errno);
  }

  /** It never begins. */
  cancel(): void {
    if (this.state === 'waiting') this.#launched.cancel();
  }

  /** What a shell would give: its own code, or 128 + the number of the signal; undefined while it runs. */
  get exitCode(): number | undefined {
    if (typeof this.state === 'string') return undefined;
    return 'exitCode' in this.state ? this.state.exitCode : 128 + this.state.number;
  }

  #failure(errno: number | undefined): Error {
    const name = this.#argv[0] ?? '';
    const code = this.exitCode ?? 127;
    if (code === 127) {
      const hint = this.#user === undefined ? '' : ' (sudo gives its own PATH; write the whole path)';
      return new CommandError(`The command ${name} was not found${hint}.`, 127);
    }
    if (code === 126) {
      const why = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
      return new CommandError(`The command ${name} cannot be executed${why === undefined ? '' : ` (${why})`}.`, 126);
    }
    return new AgentgovError(`The command ${name} could not be started (the launcher ended with code ${code}).`, 4);
  }
}
