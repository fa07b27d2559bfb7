// The verdict on one log.
import { type FileHandle, open } from 'node:fs/promises';
import { usageError } from '../errors.js';
import { type Block, readBlocks } from './blocks.js';
import { MAX_LINE } from './chain.js';
import { ChainCheck, type Fault } from './chain-check.js';
import type { Finding } from './findings.js';
import { lockHolder } from './lock.js';

/** ok: looked at and right. absent: there was nothing to look at. failed: it contradicts the log. */
export type CheckResult = 'ok' | 'absent' | 'failed';

/** What `agentgov verify --json` prints for one log; docs/audit-format.md describes each key. */
export interface Verdict {
  verdict: 'intact' | 'tampered' | 'truncated' | 'empty';
  /** Lines whose hashes hold, counted up to the first that does not. */
  events: number;
  /** Counted from 1. */
  first_bad_line: number | null;
  reason: string;
  first_seq: number | null;
  last_seq: number | null;
  /** `hash_self` of the last line that holds. */
  last_hash: string | null;
  /** Sum of what the log's own `events_lost` records say. */
  events_lost: number;
  /** Every line that was read is its canonical form and ends in LF. */
  canonical: boolean;
  checks: { chain: CheckResult; tip: CheckResult; state: CheckResult; checkpoints: CheckResult };
  /** Present when a writer held the log's lock: it was read to its last LF at that time. */
  live?: true;
}

export interface Verification extends Verdict {
  /** How many events carry each finding that `--fail-on` can name. */
  findings: Record<Finding, number>;
}

export interface VerifyOptions {
  /** Logs of other writers: any spelling of the JSON, CR, repeated keys, no last LF; the hashes alone decide. */
  compat?: boolean;
  /** The log has exactly this many events, and this is the `hash_self` of the last one (lower-case hex). */
  expectCount?: number;
  expectHash?: string;
  /** Called with bytes read and, for a regular file, bytes in all. */
  onProgress?: (bytes: number, total: number | undefined) => void;
}

/**
 * Judges one log, in constant memory.
 *
 * @throws AgentgovError (usage) when it cannot be read.
 */
export async function verifyFile(path: string, options: VerifyOptions = {}): Promise<Verification> {
  try {
    // Asked before the file's size is: what a writer has finished by then is whole.
    const live = (await lockHolder(path)) !== undefined;
    const file = await open(path, 'r');
    try {
      return await judge(file, live, options);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw usageError(`cannot read ${path} (${code}): give the path of an audit log that you may read`, error);
  }
}

async function judge(file: FileHandle, live: boolean, options: VerifyOptions): Promise<Verification> {
  const stat = await file.stat();
  // A live log grows while it is read, and nobody could read to its end; a pipe has no size.
  const size = stat.isFile() ? stat.size : undefined;
  const check = new ChainCheck();
  let problem: Problem | undefined;
  let read = 0;
  for await (const block of readBlocks(file, 0, size ?? Number.POSITIVE_INFINITY)) {
    read += block.bytes.length;
    problem = judgeBlock(check, block, live);
    options.onProgress?.(read, size);
    if (problem) break;
  }
  const tip = judgeTip(check, options);
  const forms = formProblems(check, problem);
  const real = (problem?.formOnly ? undefined : problem) ?? tip.problem;
  const found = options.compat ? real : withForm(forms, real);
  const { count, hash } = check.tip;
  return {
    verdict: found?.verdict ?? (check.events === 0 ? 'empty' : 'intact'),
    events: check.events,
    first_bad_line: found?.line ?? null,
    reason: found?.reason ?? (check.events === 0 ? 'it has no events' : 'every line follows from the one before it'),
    first_seq: check.firstSeq ?? null,
    last_seq: check.events > 0 ? count : null,
    last_hash: check.events > 0 ? hash : null,
    events_lost: check.lost,
    canonical: forms.length === 0,
    checks: { chain: problem?.chain ?? 'ok', tip: tip.result, state: 'absent', checkpoints: 'absent' },
    ...(live ? { live: true as const } : {}),
    findings: check.findings,
  };
}

interface Problem {
  readonly verdict: 'tampered' | 'truncated';
  readonly line: number | null;
  readonly reason: string;
  readonly chain: CheckResult;
  /** The hashes hold all the same. */
  readonly formOnly: boolean;
}

const brokenChain = ({ line, reason }: Fault): Problem => ({
  verdict: 'tampered',
  line,
  reason: `line ${line}: ${reason}`,
  chain: 'failed',
  formOnly: false,
});

function judgeBlock(check: ChainCheck, { bytes, kind }: Block, live: boolean): Problem | undefined {
  const line = check.events + 1;
  if (kind === 'overlong') {
    return brokenChain({ line, reason: `it is longer than ${MAX_LINE} bytes`, torn: false });
  }
  if (kind === 'lines') {
    const fault = check.lines(bytes);
    return fault && brokenChain(fault);
  }
  // The writer may be in the middle of this line.
  if (live) return undefined;
  const fault = check.parsed(bytes);
  if (fault && !fault.torn) return brokenChain(fault);
  const end = `line ${line}: the log ends without a line end here`;
  const reason = fault ? `${end}, and the line is torn (${fault.reason})` : end;
  return { verdict: 'truncated', line, reason, chain: 'ok', formOnly: fault === undefined };
}

const ONLY_FORM = "the hashes hold; for another writer's log use --compat";

/** What is wrong with the spelling alone: a line that is not canonical, and a last line without its line end. */
function formProblems({ formFault }: ChainCheck, problem: Problem | undefined): Problem[] {
  return [...(formFault ? [brokenChain(formFault)] : []), ...(problem?.formOnly ? [problem] : [])];
}

/** In strict mode the form counts as well; when there is nothing worse, the reason says so. */
function withForm(forms: Problem[], real: Problem | undefined): Problem | undefined {
  const [first] = forms;
  if (first === undefined) return real;
  return { ...first, reason: [...forms.map(({ reason }) => reason), real?.reason ?? ONLY_FORM].join('; ') };
}

/** Holds the end of the log against what the caller knows of it. */
function judgeTip(
  check: ChainCheck,
  { expectCount, expectHash }: VerifyOptions,
): { result: CheckResult; problem?: Problem } {
  if (expectCount === undefined && expectHash === undefined) return { result: 'absent' };
  const { events, tip } = check;
  const failed = (verdict: Problem['verdict'], line: number | null, reason: string) => ({
    result: 'failed' as const,
    problem: { verdict, line, reason, chain: 'ok' as const, formOnly: false },
  });
  if (expectCount !== undefined && events < expectCount) {
    return failed('truncated', null, `${events} of ${expectCount} events are there: the end of the log is missing`);
  }
  if (expectCount !== undefined && events > expectCount) {
    return failed('tampered', expectCount + 1, `line ${expectCount + 1}: the log should end before it`);
  }
  if (expectHash !== undefined && tip.hash !== expectHash) {
    const where = events > 0 ? events : null;
    return failed('tampered', where, 'the last event is not the one that is expected: it was replaced, or the log cut');
  }
  return { result: 'ok' };
}
