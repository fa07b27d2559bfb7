// The verdict on one log.
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { usageError } from '../errors.js';
import { lockHolder } from '../lock.js';
import type { Block } from './blocks.js';
import { GENESIS, MAX_LINE, type Tip } from './chain.js';
import { ChainCheck, type Fault } from './chain-check.js';
import { checkpointsPath } from './checkpoint.js';
import { CheckpointFile } from './checkpoint-file.js';
import { type Claim, found, type Judged, judgeClaim, type Problem } from './claims.js';
import { BrokenDigests, type Digest, Digests, logOf } from './digests.js';
import { codeOf } from './files.js';
import { judgeCheckpoints } from './judge-checkpoints.js';
import { judgeRemovals, nameOf } from './judge-removals.js';
import { faultOfSet, inOrder, type LogFiles, logName, type Part } from './log-files.js';
import { LeafRange } from './merkle.js';
import type { VerifierKey } from './note.js';
import { Pool, workersFor } from './pool.js';
import { ascending } from './signed-lines.js';
import { openSource, type Source } from './source.js';
import { steadily } from './steady.js';
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
  /** Called with bytes read and, for regular files, bytes in all. */
  onProgress?: (bytes: number, total: number | undefined) => void;
}

/**
 * Judges one file, in constant memory. A file of a rotated log is judged from where its digest says that it begins.
 *
 * @throws AgentgovError (usage) when it cannot be read.
 */
export const verifyFile = (path: string, options: VerifyOptions = {}): Promise<Verification> =>
  verifyLog({ log: logOf(path) ?? path, files: [path] }, options);

/**
 * Judges one log, of one file or several, in constant memory.
 *
 * @throws AgentgovError (usage) when a file cannot be read.
 */
export const verifyLog = (files: LogFiles, options: VerifyOptions = {}): Promise<Verification> =>
  steadily(files, (now) => verifyOnce(now, options));

async function verifyOnce(whole: LogFiles, options: VerifyOptions): Promise<Verification> {
  const { log, files } = whole;
  let beside: Beside | undefined;
  try {
    beside = await lookBeside(whole, options);
    return await judge(whole, beside, options);
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    const { tip, digests } = beside ?? {};
    const known = tip instanceof BrokenTip ? 1 : (tip?.count ?? options.remembered?.count ?? digests?.list.length ?? 0);
    if (code === 'ENOENT' && beside && known > 0)
      return await conclude(new ChainCheck(beside.start), undefined, beside, options);
    throw usageError(
      `cannot read ${logName({ log, files })} (${code}): give the path of an audit log that you may read`,
      error,
    );
  } finally {
    await beside?.checkpoints?.close();
  }
}

/** What stands beside the log's lines. */
interface Beside {
  /** Where the first file begins. */
  start: Tip;
  readonly live: boolean;
  readonly tip: TipRecord | BrokenTip | undefined;
  readonly checkpoints: CheckpointFile | undefined;
  readonly digests: Digests | undefined;
  readonly fault: string | undefined;
  /** The digest of the only file, when it is a finished one. */
  readonly own: Digest | undefined;
}

async function lookBeside({ log, files, isComplete }: LogFiles, options: VerifyOptions): Promise<Beside> {
  // In this order: what a writer says is in the log by then, and what it has finished is whole.
  const tip = await readTip(log).catch((error: unknown) => {
    if (error instanceof BrokenTip) return error;
    throw error;
  });
  const checkpoints = await checkpointsOf(log, options);
  const digests = await Digests.read(log).catch((error: unknown) => {
    if (error instanceof BrokenDigests) return error;
    throw error;
  });
  const live = (await lockHolder(log)) !== undefined;
  const start = { count: 0, hash: GENESIS };
  if (digests instanceof BrokenDigests) {
    return { start, live, tip, checkpoints, digests: undefined, fault: digests.message, own: undefined };
  }
  const own = files.length === 1 && !isComplete ? digests.of(files[0] ?? '') : undefined;
  return { start, live, tip: own ? undefined : tip, checkpoints, digests, fault: undefined, own };
}

/** Checkpoints that were asked for must be there; those beside the log may be absent. */
async function checkpointsOf(log: string, { checkpoints }: VerifyOptions): Promise<CheckpointFile | undefined> {
  if (checkpoints === false) return undefined;
  const path = checkpoints ?? checkpointsPath(log);
  const file = await CheckpointFile.open(path, { given: checkpoints !== undefined });
  if (file === undefined && checkpoints !== undefined) {
    throw usageError(`cannot read the checkpoints ${path} (ENOENT): give a file that you may read`);
  }
  return file;
}

async function judge({ files, isComplete }: LogFiles, beside: Beside, options: VerifyOptions): Promise<Verification> {
  const { digests, tip, checkpoints } = beside;
  const isWhole = files.length === 1 && digests?.list.length === 0;
  const parts: Part[] = isWhole ? files.map((path) => ({ path, firstSeq: undefined })) : await inOrder(files, digests);
  const before = digests?.before(parts[0]?.firstSeq ?? (digests.last?.last_seq ?? 0) + 1);
  if (before) beside.start = { count: before.last_seq, hash: before.tip };
  const fault = beside.fault ?? (digests && faultOfSet(parts, digests, isComplete));

  const signed: number[] = [];
  for await (const { size } of checkpoints?.each() ?? []) signed.push(size);
  const check = new ChainCheck(beside.start, {
    watched: new Set(),
    signed: ascending(signed),
    removed: new Set(digests?.removals.map(nameOf)),
  });
  check.firstHash = before?.log;
  const tree = checkpoints && LeafRange.from(0, beside.start.count, before?.tree ?? []);
  if (tree) check.growTree(tree);
  check.watch([options.remembered?.count, options.expectCount, tip instanceof BrokenTip ? undefined : tip?.count]);
  const problem =
    (await readParts(parts, check, beside, options)) ??
    (digests && beside.own === undefined ? judgeRemovals(check, digests, beside.start.count, beside.live) : undefined);
  const ofSet = fault === undefined ? undefined : { ...found('tampered', null, fault), chain: 'failed' as const };
  return await conclude(check, ofSet ?? problem, beside, options);
}

async function readParts(
  parts: readonly Part[],
  check: ChainCheck,
  beside: Beside,
  options: VerifyOptions,
): Promise<Problem | undefined> {
  let before = 0;
  const total = await sizeOf(parts);
  const workers = workersFor(total);
  const pool = workers > 0 ? new Pool(workers, check) : undefined;
  try {
    for (const [index, { path }] of parts.entries()) {
      const isLast = index === parts.length - 1;
      const source = await openSource(path);
      try {
        const live = beside.live && isLast;
        const onRead = (bytes: number) => options.onProgress?.(before + bytes, total);
        const problem = (await readPart(source, check, pool, live, onRead)) ?? judgeEnd(path, check, beside);
        if (problem) return problem;
        before += source.read();
      } finally {
        await source.close();
      }
    }
    return undefined;
  } finally {
    await pool?.close();
  }
}

async function sizeOf(parts: readonly Part[]): Promise<number | undefined> {
  const stats = await Promise.all(parts.map(({ path }) => stat(path)));
  return stats.every((file) => file.isFile()) ? stats.reduce((sum, { size }) => sum + size, 0) : undefined;
}

async function readPart(
  source: Source,
  check: ChainCheck,
  pool: Pool | undefined,
  live: boolean,
  onRead: (bytes: number) => void,
): Promise<Problem | undefined> {
  const { fd, size } = source;
  const done = pool && fd !== undefined && size !== undefined ? await pool.run(fd, size, onRead) : 0;
  // Nothing is left, or what no thread could say that it holds.
  for await (const block of source.blocks(done)) {
    const problem = judgeBlock(check, block, live);
    onRead(source.read());
    if (problem) return problem;
  }
  return undefined;
}

/** A finished file ends where its digest says. */
function judgeEnd(path: string, check: ChainCheck, { digests }: Beside): Problem | undefined {
  const digest = digests?.of(path);
  if (digest === undefined) return undefined;
  const { count, hash } = check.tip;
  if (count === digest.last_seq && hash === digest.tip) return undefined;
  const name = basename(path);
  if (count < digest.last_seq) {
    return found(
      'truncated',
      null,
      `${name} ends with line ${count} where its digest says ${digest.last_seq}: its end is missing`,
    );
  }
  return found(
    'tampered',
    digest.last_seq,
    `line ${digest.last_seq} of the log, in ${name}, is not the one that its digest knows`,
  );
}

async function conclude(
  check: ChainCheck,
  problem: Problem | undefined,
  beside: Beside,
  options: VerifyOptions,
): Promise<Verification> {
  const { live } = beside;
  const tip = judgeTip(check, beside, options);
  const signed = await judgeCheckpoints(check, beside.checkpoints, {
    keys: options.keys,
    live,
    isUnclosed: beside.tip !== undefined && !(beside.tip instanceof BrokenTip) && !beside.tip.closed,
    looksForAnnounced: options.checkpoints !== false && !options.compat,
    start: beside.start.count,
    isPart: beside.own !== undefined,
  });
  const state = judgeMemory(check, options.remembered);
  const forms = formProblems(check, problem);
  const real = (problem?.formOnly ? undefined : problem) ?? tip.problem ?? state.problem ?? signed.problem;
  const found = options.compat ? real : withForm(forms, real);
  const { count, hash } = check.tip;
  return {
    verdict: found?.verdict ?? (check.tip.count === 0 ? 'empty' : 'intact'),
    events: check.events,
    first_bad_line: found?.line ?? null,
    reason: found?.reason ?? (check.events === 0 ? 'it has no events' : 'every line follows from the one before it'),
    first_seq: check.firstSeq ?? null,
    last_seq: check.events > 0 ? count : null,
    last_hash: check.events > 0 ? hash : null,
    events_lost: check.lost,
    canonical: forms.length === 0,
    checks: { chain: problem?.chain ?? 'ok', tip: tip.result, state: state.result, checkpoints: signed.result },
    ...prunedOf(beside),
    ...(live ? { live: true as const } : {}),
    findings: check.findings,
  };
}

/** Where the first file begins behind others that were removed on purpose. */
function prunedOf({ start, digests }: Beside): { pruned?: number } {
  const before = digests?.list.filter(({ last_seq: last }) => last <= start.count) ?? [];
  return before.length > 0 && before.every((digest) => digests?.isRemoved(digest)) ? { pruned: start.count } : {};
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
  if (kind === 'damaged') {
    return found(
      'truncated',
      line,
      `line ${line}: the packed file cannot be unpacked from here on: its end is missing or damaged`,
    );
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
function judgeTip(
  check: ChainCheck,
  { live, tip: known, own }: Beside,
  { expectCount, expectHash }: VerifyOptions,
): Judged {
  const claims: Claim[] = [];
  if (expectCount !== undefined || expectHash !== undefined) {
    claims.push({ who: 'the caller', count: expectCount, hash: expectHash, isEnd: true });
  }
  if (known instanceof BrokenTip) {
    const reason = `${known.message}: it cannot say where the log ends`;
    return { result: 'failed', problem: { verdict: 'tampered', line: null, reason, chain: 'ok', formOnly: false } };
  }
  if (known) claims.push({ who: 'the tip file', count: known.count, hash: known.hash, isEnd: known.closed && !live });
  if (own) claims.push({ who: 'the digest', count: own.last_seq, isEnd: true });
  if (claims.length === 0) return { result: 'absent' };
  for (const claim of claims) {
    const problem = judgeClaim(check, claim);
    if (problem) return { result: 'failed', problem };
  }
  return { result: 'ok' };
}
