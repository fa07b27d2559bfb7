// agentgov prune: removes what has been kept for long enough.
import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { findLogs, type PrunedFile, prune, RETENTION_DAYS } from '../audit/index.js';
import { usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { days } from './values.js';

interface Flags {
  olderThan: number;
  belowMinimum?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

export function pruneCommand(): Command {
  return new Command('prune')
    .summary('remove finished files of a log that were kept for long enough')
    .description(
      'Removes the oldest finished files of rotated logs, whole, after checking them, and records what it removed.\n\n' +
        'Exit code: 0 done, 1 a file is missing or does not verify (nothing more is removed), 2 usage.',
    )
    .argument('<audit...>', 'audit logs, or folders of them')
    .option('--older-than <days>', 'remove what was finished so long ago, as 183d or 10y', days, RETENTION_DAYS)
    .option('--below-minimum', `allow less than ${RETENTION_DAYS} days`)
    .option('--dry-run', 'only say what would be removed')
    .option('--json', 'print one JSON document')
    .action(run);
}

async function run(paths: string[], { olderThan, belowMinimum, dryRun = false, json }: Flags): Promise<void> {
  if (olderThan < RETENTION_DAYS && !belowMinimum) {
    throw usageError(
      `logs are kept for at least ${RETENTION_DAYS} days: give --below-minimum as well, if nothing obliges you to keep them`,
    );
  }
  const logs: Array<{ log: string; removed: PrunedFile[] }> = [];
  for (const { log } of await findLogs(paths)) {
    const removed = await prune(log, { days: olderThan, dryRun });
    logs.push({ log, removed });
    if (!json) report(log, removed, dryRun);
  }
  if (json) process.stdout.write(`${asciiJson({ dry_run: dryRun, logs })}\n`);
}

function report(log: string, removed: readonly PrunedFile[], dryRun: boolean): void {
  const name = escapeForTerminal(log);
  if (removed.length === 0) {
    process.stdout.write(`${name}: nothing is old enough\n`);
    return;
  }
  for (const { file, first_seq, last_seq, bytes, finished } of removed) {
    const what = `${escapeForTerminal(file)}, lines ${first_seq} to ${last_seq}, ${bytes} bytes, finished ${finished}`;
    process.stdout.write(`${name}: ${dryRun ? 'would remove' : 'removed'} ${what}\n`);
  }
}
