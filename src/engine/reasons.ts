/** Why a session ends. The first reason counts; each has its sentence in session_end. */
export type EndReason =
  | { kind: 'signal'; signal: NodeJS.Signals }
  | { kind: 'duration'; seconds: number }
  | { kind: 'tree_empty' }
  | { kind: 'stopped'; killed: number }
  | { kind: 'detached' }
  | { kind: 'stdout_closed'; how: string }
  | { kind: 'loader_died'; how: string }
  | { kind: 'log_failed'; cause: string }
  | { kind: 'internal'; cause: string };

/** The beginning of what became of so many. */
export const processes = (count: number): string => (count === 1 ? '1 process was' : `${count} processes were`);

/** The reason as session_end has it: what happened, without a full stop. */
export function reasonText(reason: EndReason): string {
  switch (reason.kind) {
    case 'signal':
      return `agentgov was ended by ${reason.signal}`;
    case 'duration':
      return `the duration of ${reason.seconds} s is over`;
    case 'tree_empty':
      return 'the last process of the tree has ended';
    case 'stopped':
      return `stopped on request: ${processes(reason.killed)} killed, none is left`;
    case 'detached':
      return 'detached on request: the processes go on by themselves';
    case 'stdout_closed':
      return `stdout ${reason.how}`;
    case 'loader_died':
      return `the loader ${reason.how}; what happened after that is not in this log`;
    case 'log_failed':
      return `the log could not be written: ${reason.cause}`;
    case 'internal':
      return `internal error: ${reason.cause}`;
  }
}

/** Ends after which the log misses what it should hold: exit 4, whatever the command's own code. */
export const isIncomplete = ({ kind }: EndReason): boolean =>
  kind === 'loader_died' || kind === 'log_failed' || kind === 'internal';

/** Ends after which nobody is to be held any more. */
export const isFinal = ({ kind }: EndReason): boolean =>
  kind === 'tree_empty' || kind === 'stopped' || kind === 'detached';
