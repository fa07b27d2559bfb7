// What one session has written about verdicts, for whoever goes on after it and knows how many there were.
import { filesOf, inOrder } from './log-files.js';
import { openSource } from './source.js';

/** A log as it was at one moment. */
export interface Past {
  /**
   * Reads back to the session_start that `isStart` knows, once.
   * @returns events of verdicts since then, and verdicts that are known to be lost; of a log without that session 0.
   */
  verdictsSince(isStart: (event: Record<string, unknown>) => boolean): Promise<number>;
}

const VERDICT = /^\{(?:"access": "[a-z]+", )?"action": "(?:BLOCKED|WOULD_BLOCK)"/;

/** What a file has; of the file with the session_start, what comes after it. */
class Count {
  /** Verdicts, and those that are known to be lost. */
  verdicts = 0;
  /** What sessions were told of the one before them, by session. */
  readonly unattended = new Map<unknown, number>();
  /** The id of the session. */
  found: unknown;

  constructor(readonly isStart: (event: Record<string, unknown>) => boolean) {}

  line(line: string): void {
    if (VERDICT.test(line)) this.verdicts += 1;
    else if (line.includes('"event_type": "session_start"')) this.#start(JSON.parse(line));
    else if (line.includes('"event_type": "events_lost"')) this.#lost(JSON.parse(line));
  }

  #start(event: Record<string, unknown>): void {
    if (!this.isStart(event)) return;
    this.found = event.session_id;
    this.verdicts = 0;
    this.unattended.clear();
  }

  #lost({ class: kind, reason, count, session_id: session }: Record<string, unknown>): void {
    if (kind !== 'verdict') return;
    if (reason === 'unattended') this.unattended.set(session, (this.unattended.get(session) ?? 0) + Number(count));
    else this.verdicts += Number(count);
  }

  /** What the session itself was told of the one before it is no loss of its own; what a later one was told is. */
  sumFor(session: unknown): number {
    return [...this.unattended].reduce((sum, [id, count]) => (id === session ? sum : sum + count), this.verdicts);
  }
}

/** What is written behind that, or into another file after a rotation, is not in it. */
export async function openPast(log: string): Promise<Past> {
  const [newest, ...older] = (await inOrder(await filesOf(log))).reverse();
  // A source ends where its file ended when it was opened.
  const first = newest && (await openSource(newest.path));
  return {
    async verdictsSince(isStart) {
      const counts: Count[] = [];
      for (let source = first; source !== undefined; ) {
        const count = new Count(isStart);
        counts.push(count);
        try {
          for await (const { kind, bytes } of source.blocks(0)) {
            if (kind !== 'lines') break;
            for (const line of bytes.toString('latin1').split('\n')) count.line(line);
          }
        } finally {
          await source.close();
        }
        if (count.found !== undefined) return counts.reduce((sum, one) => sum + one.sumFor(count.found), 0);
        const next = older.shift();
        source = next && (await openSource(next.path));
      }
      return 0;
    },
  };
}
