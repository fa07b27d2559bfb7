/** Within this time further Ctrl-C count as one wish. */
const INSISTENCE_MS = 2_000;
const INSISTENCE = 3;

export interface SignalWishes {
  /** End the session. */
  end: (signal: NodeJS.Signals) => void;
  /** The same again while it ends: do not wait for anybody any more. */
  hurry: () => void;
  /** SIGHUP, where there is something to be read again; without it SIGHUP is that of a closed terminal. */
  reload?: () => void;
  /** Whether a command that agentgov starts has the terminal: it is about to run, or runs. */
  commandRuns: () => boolean;
  /** The user insists on Ctrl-C, but the command has it. */
  hint: () => void;
}

/**
 * What the signals of users and supervisors mean to a session.
 *
 * Ctrl-C goes to everybody in the foreground, so while a command runs it is the command's: people press it to interrupt
 * what an agent is doing, twice to leave it, and a recording that ended with that would miss what the agent does next.
 * Three times within two seconds is meant for agentgov (as with `docker run`). A closed terminal (SIGHUP) is the
 * command's as well, unless there is a policy to be read again: then SIGHUP is that wish. SIGTERM is always meant for agentgov.
 *
 * @returns a function that gives the signals back.
 */
export function watchSignals(wishes: SignalWishes): () => void {
  let pressed: number[] = [];
  let ending = false;
  const end = (signal: NodeJS.Signals): void => {
    if (ending) wishes.hurry();
    else wishes.end(signal);
    ending = true;
  };
  const onTerminal = (signal: NodeJS.Signals): void => {
    if (!wishes.commandRuns() || ending) {
      end(signal);
      return;
    }
    if (signal === 'SIGHUP') return;
    const now = performance.now();
    pressed = [...pressed.filter((at) => now - at < INSISTENCE_MS), now];
    if (pressed.length >= INSISTENCE) end(signal);
    else if (pressed.length === INSISTENCE - 1) wishes.hint();
  };
  const listeners: [NodeJS.Signals, (signal: NodeJS.Signals) => void][] = [
    ['SIGINT', onTerminal],
    ['SIGQUIT', onTerminal],
    ['SIGHUP', wishes.reload ?? onTerminal],
    ['SIGTERM', end],
  ];
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.removeListener(signal, listener);
  };
}
