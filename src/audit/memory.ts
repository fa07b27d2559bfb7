// What a verifier remembers: the last verified end of each log. A log that no longer extends it was cut, replaced or
// rewritten, whatever its own files say.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { usageError } from '../errors.js';
import { isCount, isHash } from '../untrusted.js';
import { replaceFile } from '../whole-file.js';
import type { Tip } from './chain.js';
import { codeOf } from './files.js';

const FORMAT = 'agentgov-verify-state-1';

/** The file of `verify --state`: JSON, one entry a log under its absolute path. */
export class VerifierMemory {
  private constructor(
    readonly path: string,
    readonly logs: Map<string, Tip>,
  ) {}

  /** @throws AgentgovError (usage) when the file cannot be read or is no state file. */
  static async open(path: string): Promise<VerifierMemory> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return new VerifierMemory(path, new Map());
      throw usageError(`cannot read the state ${path} (${codeOf(error)}): give a file that you may read`, error);
    }
    const logs = parse(text);
    if (logs === undefined) throw usageError(`${path} is no state of agentgov verify: give another --state file`);
    return new VerifierMemory(path, logs);
  }

  get(log: string): Tip | undefined {
    return this.logs.get(resolve(log));
  }

  set(log: string, { count, hash }: Tip): void {
    this.logs.set(resolve(log), { count, hash });
  }

  /** Replaces the file in one step. @throws AgentgovError (usage) when it cannot be written. */
  async save(): Promise<void> {
    const logs = Object.fromEntries([...this.logs].sort(([a], [b]) => (a < b ? -1 : 1)));
    try {
      await replaceFile(this.path, `${JSON.stringify({ format: FORMAT, logs }, null, 2)}\n`);
    } catch (error) {
      throw usageError(`cannot write the state ${this.path} (${codeOf(error)}): give another --state file`, error);
    }
  }
}

function parse(text: string): Map<string, Tip> | undefined {
  let state: { format?: unknown; logs?: Record<string, Partial<Tip>> };
  try {
    state = JSON.parse(text) as typeof state;
  } catch {
    return undefined;
  }
  if (state?.format !== FORMAT || typeof state.logs !== 'object' || state.logs === null) return undefined;
  const logs = new Map<string, Tip>();
  for (const [path, { count, hash } = {}] of Object.entries(state.logs)) {
    if (!isCount(count) || !isHash(hash)) return undefined;
    logs.set(path, { count, hash });
  }
  return logs;
}
