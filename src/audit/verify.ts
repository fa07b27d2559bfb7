// The verdict on one log.
import { type FileHandle, open } from 'node:fs/promises';
import { usageError } from '../errors.js';
import { type Block, readBlocks } from './blocks.js';
import { MAX_LINE, type Tip } from './chain.js';
import { ChainCheck, type Fault } from './chain-check.js';
import { type CheckpointFile, checkpointsPath, readCheckpoints } from './checkpoint.js';
import { type Claim, type Judged, judgeClaim, type Problem } from './claims.js';
import { codeOf } from './files.js';
import { judgeCheckpoints } from './judge-checkpoints.js';
import { lockHolder } from './lock.js';
import { LeafRange } from './merkle.js';
import type { VerifierKey } from './note.js';
import { BrokenTip, readTip, type TipRecord } from './tip-file.js';
import type { Verification } from './verdict.js';

export interface VerifyOptions {
  /** Logs of other writers: any spelling of the JSON, CR, repeated keys, no last LF; the hashes alone decide. */
  compat?: boolean;
  /** The log has exactly this many events, and this is the `hash_self` of the last one (lower-case hex). */
  expectCount?: number;
  expectHash?: string;
  /** Where the log stood when it was verified last: it must still extend that. */
  remembered?: Tip;
  /** Checkpoints of the log, instead of those beside it; false looks at none. */
  checkpoints?: string | false;
  /** Keys that checkpoints must be signed with. Without any, their signatures are not looked at. */
  keys?: readonly VerifierKey[];
  /** Called with bytes read and, for a regular file, bytes in all. */
  onProgress?: (bytes: number, total: number | undefined) => void;
}

/**
 * Judges one log, in constant memory.
 *
 * @throws AgentgovError (usage) when it cannot be read.
 */
export async function verifyFile(path: string, options: VerifyOptions = {}): Promise<Verification> {
  // In this order: what a writer says is in the log by then, and what it has finished is whole.
  const tip = await tipOf(path);
  const checkpoints = await checkpointsOf(path, options);
  try {
    const live = (await lockHolder(path)) !== undefined;
    const file = await open(path, 'r');
    try {
      return await judge(file, { live, tip, checkpoints }, options);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    if (code === 'ENOENT' && (tip instanceof BrokenTip || (tip?.count ?? options.remembered?.count ?? 0) > 0)) {
      return conclude(new ChainCheck(), undefined, { live: false, tip, checkpoints }, options);
    }
    throw usageError(`cannot read ${path} (${code}): give the path of an audit log that you may read`, error);
  }
}

const tipOf = (path: string): Promise<TipRecord | BrokenTip | undefined> =>
  readTip(path).catch((error: unknown) => {
    if (error instanceof BrokenTip) return error;
    throw error;
  });

/** Checkpoints that were asked for must be there; those beside the log may be absent. */
async function checkpointsOf(log: string, { checkpoints }: VerifyOptions): Promise<CheckpointFile | undefined> {
  if (checkpoints === false) return undefined;
  const path = checkpoints ?? checkpointsPath(log);
  const file = await readCheckpoints(path);
  if (file === undefined && checkpoints !== undefined) {
    throw usageError(`cannot read the checkpoints ${path} (ENOENT): give a file that you may read`);
  }
  return file;
}

/** What stands beside the log. */
interface Beside {
  readonly live: boolean;
  readonly tip: TipRecord | BrokenTip | undefined;
  readonly checkpoints: CheckpointFile | undefined;
}

async function judge(file: FileHandle, beside: Beside, options: VerifyOptions): Promise<Verification> {
  const { live, tip, checkpoints } = beside;
  const stat = await file.stat();
  // A live log grows while it is read, and nobody could read to its end; a pipe has no size.
  const size = stat.isFile() ? stat.size : undefined;
  const check = new ChainCheck();
  if (checkpoints) {
    check.tree = new LeafRange();
    check.watch(checkpoints.checkpoints.map(({ size }) => size));
  }
  check.watch([options.remembered?.count, options.expectCount, tip instanceof BrokenTip ? undefined : tip?.count]);
  let problem: Problem | undefined;
  let read = 0;
  for await (const block of readBlocks(file, 0, size ?? Number.POSITIVE_INFINITY)) {
    read += block.bytes.length;
    problem = judgeBlock(check, block, live);
    options.onProgress?.(read, size);
    if (problem) break;
  }
  return conclude(check, problem, beside, options);
}

function conclude(
  check: ChainCheck,
  problem: Problem | undefined,
  beside: Beside,
  options: VerifyOptions,
): Verification {
  const { live } = beside;
  const tip = judgeTip(check, beside, options);
  const signed = judgeCheckpoints(check, beside.checkpoints, {
    keys: options.keys,
    live,
    looksForAnnounced: options.checkpoints !== false && !options.compat,
  });
  const state = judgeMemory(check, options.remembered);
  const forms = formProblems(check, problem);
  const real = (problem?.formOnly ? undefined : problem) ?? tip.problem ?? state.problem ?? signed.problem;
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
    checks: { chain: problem?.chain ?? 'ok', tip: tip.result, state: state.result, checkpoints: signed.result },
    ...(live ? { live: true as const } : {}),
    findings: check.findings,
  };
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

function judgeMemory(check: ChainCheck, remembered: Tip | undefined): Judged {
  if (remembered === undefined) return { result: 'absent' };
  const problem = judgeClaim(check, { who: 'the last verification', ...remembered, isEnd: false });
  return problem ? { result: 'failed', problem } : { result: 'ok' };
}

/** Holds the log against what the caller knows of its end, and against its tip file. */
function judgeTip(check: ChainCheck, { live, tip: known }: Beside, { expectCount, expectHash }: VerifyOptions): Judged {
  const claims: Claim[] = [];
  if (expectCount !== undefined || expectHash !== undefined) {
    claims.push({ who: 'the caller', count: expectCount, hash: expectHash, isEnd: true });
  }
  if (known instanceof BrokenTip) {
    const reason = `${known.message}: it cannot say where the log ends`;
    return { result: 'failed', problem: { verdict: 'tampered', line: null, reason, chain: 'ok', formOnly: false } };
  }
  if (known) claims.push({ who: 'the tip file', count: known.count, hash: known.hash, isEnd: known.closed && !live });
  if (claims.length === 0) return { result: 'absent' };
  for (const claim of claims) {
    const problem = judgeClaim(check, claim);
    if (problem) return { result: 'failed', problem };
  }
  return { result: 'ok' };
}
