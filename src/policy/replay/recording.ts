import { stat } from 'node:fs/promises';
import { type LogFiles, logName, type Verification, verifyLog } from '../../audit/index.js';
import { usageError } from '../../errors.js';

export interface Trust {
  /** Logs of other writers: only the hashes must hold. */
  compat?: boolean;
  /** Do not ask whether the recording is what was recorded; lines that are no events are skipped. */
  unverified?: boolean;
}

/**
 * Whether a recording may be used.
 *
 * @returns what is known of it; undefined with `unverified`, where nobody looked.
 * @throws AgentgovError (exit 2) when it cannot be read or does not verify.
 */
export async function checkRecording(
  log: LogFiles,
  { compat = false, unverified = false }: Trust,
): Promise<Verification | undefined> {
  if (unverified) return undefined;
  const [file = log.log] = log.files;
  const isFile = await stat(file).then(
    (found) => found.isFile(),
    () => true, // verifyLog says why it cannot be read
  );
  if (!isFile)
    throw usageError(`${file} is no regular file and can be read only once: --unverified takes it unchecked`);
  const verification = await verifyLog(log, { compat });
  const { verdict, reason } = verification;
  if (verdict === 'intact' || verdict === 'empty') return verification;
  throw usageError(
    `${logName(log)} does not verify (${verdict}: ${reason}); find out why, or take it all the same with --unverified`,
  );
}
