// Holds the checkpoints of a log against the log, and against each other.
import type { ChainCheck } from './chain-check.js';
import { type Checkpoint, originOf } from './checkpoint.js';
import type { CheckpointFile } from './checkpoint-file.js';
import { found, type Judged, type Problem } from './claims.js';
import { signersOf, type VerifierKey } from './note.js';

interface How {
  /** Without any, signatures are not looked at, and agreement proves nothing. */
  readonly keys: readonly VerifierKey[] | undefined;
  /** The writer may be about to make the checkpoints that it has announced last. */
  readonly live: boolean;
  /** Its writer did not end in good order: it may have been killed before it signed what it had announced last. */
  readonly isUnclosed: boolean;
  /** Whether a record in the log that announces a checkpoint asks for one. */
  readonly looksForAnnounced: boolean;
  /** Lines of the log before those that were read, and whether more follow in other files. */
  readonly start: number;
  readonly isPart: boolean;
}

/** `failed` for anything wrong; `ok` only where every checkpoint is signed by a key that was given. */
export async function judgeCheckpoints(check: ChainCheck, file: CheckpointFile | undefined, how: How): Promise<Judged> {
  let [held, judged] = [how.start, 0];
  let problem: Problem | undefined;
  // Nothing says where this file stands in the tree: its log had no checkpoints when it was begun.
  const isUnplaced = how.start > 0 && check.tree === undefined && file !== undefined;
  for await (const checkpoint of file?.each() ?? []) {
    const { size } = checkpoint;
    const isElsewhere = size < how.start || (how.isPart && size > check.tip.count);
    if (isElsewhere || isUnplaced) continue;
    problem ??= judgeOne(check, checkpoint, held, how);
    held = size;
    judged += 1;
  }
  const { badLine, isTorn } = file?.rest ?? {};
  if (badLine !== undefined && !(how.live && isTorn)) {
    problem = found('tampered', null, `line ${badLine} of the checkpoints is part of none`);
  } else if (how.keys !== undefined && judged === 0 && !isUnplaced) {
    problem = found('tampered', null, 'there is a key to check them with, but no checkpoint');
  } else if (!isUnplaced) {
    problem ??= judgeAnnounced(check, held, how);
  }
  if (problem) return { result: 'failed', problem };
  return { result: how.keys !== undefined && judged > 0 ? 'ok' : 'absent' };
}

/** Each checkpoint that the log announces is there. */
function judgeAnnounced({ unsigned: missing }: ChainCheck, held: number, how: How): Problem | undefined {
  if (!how.looksForAnnounced) return undefined;
  if (missing === undefined || (how.live && missing > held)) return undefined;
  const why =
    how.isUnclosed && missing > held
      ? 'its writer was killed before it signed it (the next start does that), or it was removed'
      : 'it was removed, or is kept elsewhere';
  return found('tampered', missing, `line ${missing} announces a checkpoint that is not there: ${why}`);
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
