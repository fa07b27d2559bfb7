// Proofs that stand without the log: one event in a signed tree (c2sp.org/tlog-proof@v1), or an earlier signed tree in a
// later one.
import { AgentgovError, EXIT, usageError } from '../errors.js';
import { LF } from './blocks.js';
import { type Checkpoint, checkpointsPath, parseCheckpoint } from './checkpoint.js';
import { CheckpointFile } from './checkpoint-file.js';
import { BrokenDigests, type Digest, Digests } from './digests.js';
import { codeOf } from './files.js';
import { filesOf, inOrder, type Part } from './log-files.js';
import { LeafRange, leafHash } from './merkle.js';
import { signersOf, type VerifierKey } from './note.js';
import { consistencyPath, inclusionPath, provesConsistency, provesInclusion, type Span } from './proofs.js';
import { openSource } from './source.js';

const INCLUSION = 'c2sp.org/tlog-proof@v1';
const CONSISTENCY = 'agentgov-consistency-proof@v1';
/** A line of 16 MiB in base64, a path and two notes. */
const LONGEST_PROOF = 2 ** 25;
/** Of the checkpoints that there are, an error names so many at most. */
const SIZES_TOLD = 20;

/** Where the checkpoints are, if not beside the log. */
export interface ProveOptions {
  checkpoints?: string;
}

/**
 * A proof that the line `seq` is in the newest checkpoint; the line itself goes with it, as the proof's extra data.
 *
 * @throws AgentgovError: usage when no checkpoint covers the line, finding when the log does not fit its checkpoint.
 */
export async function proveEvent(log: string, seq: number, options: ProveOptions = {}): Promise<string> {
  let checkpoint: Checkpoint | undefined;
  for await (const each of eachCheckpoint(log, options)) {
    if (each.size >= seq) checkpoint = each;
  }
  if (checkpoint === undefined)
    throw usageError(`no checkpoint covers line ${seq} of ${log} yet: one is made when the log is closed`);
  const { size, root, raw } = checkpoint;
  const index = seq - 1;
  const path = inclusionPath(index, size);
  const { hashes, line } = await readTree(log, size, path, index);
  const claim = { index: BigInt(index), size: BigInt(size), leaf: leafHash(line), root };
  if (!provesInclusion(claim, hashes)) throw doesNotFit(log, size);
  const lines = [INCLUSION, `extra ${line.toString('base64')}`, `index ${index}`, ...hashes.map(base64)];
  return `${lines.join('\n')}\n\n${raw}`;
}

/**
 * A proof that the log of the checkpoint of `first` lines is the beginning of the one of `second` (the newest without).
 *
 * @throws AgentgovError: usage when there are no such checkpoints, finding when the log does not fit them.
 */
export async function proveConsistency(
  log: string,
  first: number,
  second: number | undefined,
  options: ProveOptions = {},
): Promise<string> {
  let old: Checkpoint | undefined;
  let now: Checkpoint | undefined;
  let sizes: number[] = [];
  for await (const each of eachCheckpoint(log, options)) {
    sizes = [...sizes.slice(1 - SIZES_TOLD), each.size];
    if (each.size === first) old ??= each;
    if (second === undefined) now = each;
    else if (each.size === second) now ??= each;
  }
  if (old === undefined || now === undefined || first === 0 || now.size < first) {
    throw usageError(`give the sizes of two checkpoints of ${log}, the smaller first: there are ${sizes.join(', ')}`);
  }
  const { hashes } = await readTree(log, now.size, consistencyPath(first, now.size));
  if (!provesConsistency(head(old), head(now), hashes)) throw doesNotFit(log, now.size);
  return `${[CONSISTENCY, ...hashes.map(base64)].join('\n')}\n\n${old.raw}\n${now.raw}`;
}

/** What a proof shows, once it holds. */
export type Proven =
  | { kind: 'event'; origin: string; seq: number; size: number; line: Buffer; signers: VerifierKey[] }
  | { kind: 'consistency'; origin: string; from: number; to: number; signers: VerifierKey[] };

/**
 * Checks a proof with nothing but keys that are trusted.
 *
 * @throws AgentgovError: usage when the text is no proof, finding when it does not hold.
 */
export function verifyProof(text: string, keys: readonly VerifierKey[]): Proven {
  const parts = /^([^\n]*)\n((?:[^\n]+\n)*)\n(.*)$/s.exec(text.length <= LONGEST_PROOF ? text : '');
  const [, kind = '', body = '', rest = ''] = parts ?? [];
  const lines = body.split('\n').slice(0, -1);
  if (kind === INCLUSION) return verifyInclusion(lines, rest, keys);
  if (kind === CONSISTENCY) return verifyConsistency(lines, rest, keys);
  throw usageError('it is no proof: give a file that agentgov prove has written');
}

function verifyInclusion(lines: string[], note: string, keys: readonly VerifierKey[]): Proven {
  const [, extra] = /^extra (\S*)$/.exec(lines[0] ?? '') ?? [];
  const [, index] = /^index (0|[1-9][0-9]{0,15})$/.exec(lines[1] ?? '') ?? [];
  const line = extra === undefined ? undefined : Buffer.from(extra, 'base64');
  if (line === undefined || index === undefined)
    throw usageError('it is a proof of another program: it does not carry the event');
  const hashes = hashesOf(lines.slice(2));
  const checkpoint = trusted(note, keys);
  const { size, root, origin } = checkpoint;
  const claim = { index: BigInt(index), size: BigInt(size), leaf: leafHash(line), root };
  if (!provesInclusion(claim, hashes)) throw finding('the event is not in the tree that was signed');
  return { kind: 'event', origin, seq: Number(index) + 1, size, line, signers: checkpoint.signers };
}

function verifyConsistency(lines: string[], notes: string, keys: readonly VerifierKey[]): Proven {
  const [first = '', second = ''] = notes.split(/(?<=\n— [^\n]*\n)\n/u);
  const [old, now] = [trusted(first, keys), trusted(second, keys)];
  if (old.origin !== now.origin) throw finding('the two checkpoints are of different logs');
  if (!provesConsistency(head(old), head(now), hashesOf(lines))) {
    throw finding('the earlier log is not the beginning of the later one');
  }
  return { kind: 'consistency', origin: now.origin, from: old.size, to: now.size, signers: now.signers };
}

function trusted(raw: string, keys: readonly VerifierKey[]): Checkpoint & { signers: VerifierKey[] } {
  const checkpoint = parseCheckpoint(raw);
  if (checkpoint === undefined) throw usageError('the proof holds no checkpoint where one should be');
  const signers = signersOf(checkpoint.note, keys);
  if (signers === undefined) throw finding('its checkpoint carries a wrong signature of a known key');
  if (signers.length === 0) throw finding('its checkpoint is not signed by a known key');
  return { ...checkpoint, signers };
}

function hashesOf(lines: string[]): Buffer[] {
  return lines.map((line) => {
    const hash = Buffer.from(line, 'base64');
    if (hash.length !== 32 || base64(hash) !== line) throw usageError('the proof holds a line that is no hash');
    return hash;
  });
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const head = ({ size, root }: Checkpoint) => ({ size: BigInt(size), root });
const finding = (text: string): AgentgovError => new AgentgovError(`the proof does not hold: ${text}`, EXIT.finding);
const doesNotFit = (log: string, size: number): AgentgovError =>
  new AgentgovError(`${log} does not fit its checkpoint of ${size} lines: look with agentgov verify`, EXIT.finding);

async function* eachCheckpoint(log: string, { checkpoints }: ProveOptions): AsyncGenerator<Checkpoint> {
  const path = checkpoints ?? checkpointsPath(log);
  const file = await CheckpointFile.open(path, { given: checkpoints !== undefined });
  if (file === undefined) throw usageError(`${path} does not exist: only a log with checkpoints has proofs`);
  try {
    yield* file.each();
  } finally {
    await file.close();
  }
}

/** A node of the tree that a proof needs, as far as its leaves are known. */
interface Node {
  readonly end: number;
  readonly range: LeafRange;
}

/** The hashes of nodes, in their order, and one line; in one pass over all files of the log. */
async function readTree(
  log: string,
  size: number,
  path: readonly Span[],
  index?: number,
): Promise<{ hashes: Uint8Array[]; line: Buffer }> {
  const nodes: Node[] = path.map(([begin, end]) => ({ end, range: new LeafRange(begin) }));
  const inOrder = [...nodes].sort((a, b) => a.range.begin - b.range.begin);
  let line = Buffer.alloc(0);
  const { parts, before } = await partsOf(log);
  let count = before?.last_seq ?? 0;
  let node = 0;
  if (index !== undefined && index < count) throw pruned(log, count);
  if (before) takePruned(before, inOrder);
  for await (const bytes of wholeLines(log, parts)) {
    for (let at = 0; at < bytes.length && count < size; count += 1) {
      const next = bytes.indexOf(LF, at);
      const text = bytes.subarray(at, next);
      at = next + 1;
      if (count === index) line = Buffer.from(text);
      while ((inOrder[node]?.end ?? size) <= count) node += 1;
      const range = inOrder[node]?.range;
      if (range?.end === count) range.add(leafHash(text));
    }
    if (count === size) break;
  }
  if (count < size) throw doesNotFit(log, size);
  if (nodes.some(({ end, range }) => range.end !== end)) throw pruned(log, count);
  return { hashes: nodes.map(({ range }) => range.fold()), line };
}

const pruned = (log: string, count: number): AgentgovError =>
  usageError(
    `the first lines of ${log} were pruned, and the proof needs some of the first ${count}: there is none any more`,
  );

/** The files of a log, and the digest of the one before the first of them, where that was removed. */
async function partsOf(log: string): Promise<{ parts: Part[]; before: Digest | undefined }> {
  const digests = await Digests.read(log).catch((error: unknown) => {
    if (!(error instanceof BrokenDigests)) throw error;
    throw new AgentgovError(`${error.message}: look at the log with agentgov verify`, EXIT.finding, { cause: error });
  });
  const files = await filesOf(log);
  const parts = await inOrder(files.length > 0 ? files : [log], digests).catch((error: unknown) => {
    throw usageError(`cannot read ${log} (${codeOf(error)}): give the path of an audit log that you may read`, error);
  });
  return { parts, before: digests.before(parts[0]?.firstSeq ?? (digests.last?.last_seq ?? 0) + 1) };
}

/** The leaves of files that are not there: the digest of the last of them has their subtrees. */
function takePruned({ tree, last_seq: last }: Digest, nodes: readonly Node[]): void {
  let begin = 0;
  for (const hash of tree) {
    let size = 1;
    while (begin % (size * 2) === 0 && begin + size * 2 <= last) size *= 2;
    const subtree = LeafRange.from(begin, begin + size, [hash]);
    const node = nodes.find(({ end, range }) => range.end === begin && begin + size <= end);
    if (subtree) node?.range.append(subtree);
    begin += size;
  }
}

/** Blocks of whole lines, over all files. */
async function* wholeLines(log: string, parts: readonly Part[]): AsyncGenerator<Buffer> {
  for (const { path } of parts) {
    const source = await openSource(path);
    try {
      for await (const { bytes, kind } of source.blocks(0)) {
        if (kind !== 'lines') break;
        yield bytes;
      }
    } catch (error) {
      throw usageError(`cannot read ${log} (${codeOf(error)}): give the path of an audit log that you may read`, error);
    } finally {
      await source.close();
    }
  }
}
