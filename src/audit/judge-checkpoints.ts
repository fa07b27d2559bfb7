// Holds the checkpoints of a log against the log, and against each other.
import type { ChainCheck } from './chain-check.js';
import { type Checkpoint, type CheckpointFile, originOf } from './checkpoint.js';
import { found, type Judged, type Problem } from './claims.js';
import { signersOf, type VerifierKey } from './note.js';

interface How {
  /** Without any, signatures are not looked at, and agreement proves nothing. */
  readonly keys: readonly VerifierKey[] | undefined;
  /** The writer may be about to make the checkpoints that it has announced last. */
  readonly live: boolean;
  /** Whether a record in the log that announces a checkpoint asks for one. */
  readonly looksForAnnounced: boolean;
  /** Lines of the log before those that were read, and whether more follow in other files. */
  readonly start: number;
  readonly isPart: boolean;
}

/** `failed` for anything wrong; `ok` only where every checkpoint is signed by a key that was given. */
export function judgeCheckpoints(check: ChainCheck, file: CheckpointFile | undefined, how: How): Judged {
  const problem = problemOf(check, file, how);
  if (problem) return { result: 'failed', problem };
  return { result: file && how.keys !== undefined && file.checkpoints.length > 0 ? 'ok' : 'absent' };
}

function problemOf(check: ChainCheck, file: CheckpointFile | undefined, how: How): Problem | undefined {
  if (file?.badLine !== undefined && !(how.live && file.isTorn)) {
    return found('tampered', null, `line ${file.badLine} of the checkpoints is part of none`);
  }
  const { count } = check.tip;
  const checkpoints = (file?.checkpoints ?? []).filter(
    ({ size }) => size >= how.start && !(how.isPart && size > count),
  );
  // Nothing says where this file stands in the tree: its log had no checkpoints when it was begun.
  if (how.start > 0 && check.tree === undefined && file !== undefined) return undefined;
  if (how.keys !== undefined && checkpoints.length === 0) {
    return found('tampered', null, 'there is a key to check them with, but no checkpoint');
  }
  let held = how.start;
  for (const checkpoint of checkpoints) {
    const problem = judgeOne(check, checkpoint, held, how);
    if (problem) return problem;
    held = checkpoint.size;
  }
  if (!how.looksForAnnounced) return undefined;
  const { unsigned: missing } = check;
  if (missing === undefined || (how.live && missing > held)) return undefined;
  return found(
    'tampered',
    missing,
    `line ${missing} announces a checkpoint that is not there: it was removed, or is kept elsewhere`,
  );
}

function judgeOne(check: ChainCheck, checkpoint: Checkpoint, held: number, how: How): Problem | undefined {
  const { origin, size, root, note } = checkpoint;
  const name = `the checkpoint of ${size} lines`;
  if (how.keys !== undefined) {
    const signers = signersOf(note, how.keys);
    if (signers === undefined) return found('tampered', null, `${name} carries a wrong signature of a known key`);
    if (signers.length === 0) return found('tampered', null, `${name} is not signed by a known key`);
  }
  if (check.firstHash !== undefined && origin !== originOf(check.firstHash)) {
    return found(
      'tampered',
      1,
      `${name} is of another log (${origin}): this one was replaced from its first line on, or the checkpoint`,
    );
  }
  if (size < held) return found('tampered', null, `${name} stands behind the one of ${held}`);
  if (size > check.tip.count) {
    return found(
      'truncated',
      null,
      `${name} was made, and ${check.tip.count} are there: the end of the log is missing`,
    );
  }
  const own = check.rootAt(size);
  if (own !== undefined && Buffer.compare(own, root) === 0) return undefined;
  return found('tampered', held + 1, `lines ${held + 1} to ${size} are not those that ${name} was made of`);
}
