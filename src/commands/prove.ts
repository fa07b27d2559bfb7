// agentgov prove: a file that shows one event, or the growth of a log, to somebody who has not the log.
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { proveConsistency, proveEvent } from '../audit/index.js';
import { usageError } from '../errors.js';
import { lineNumber } from './values.js';

interface Flags {
  from?: number;
  to?: number;
  checkpoints?: string;
  output?: string;
}

export function proveCommand(): Command {
  return new Command('prove')
    .summary('prove one event, or the growth of a log, to somebody who has not the log')
    .description(
      'Writes a proof that one event is in the newest signed checkpoint of a log (c2sp.org/tlog-proof@v1), or with\n' +
        '--from that an earlier checkpoint is the beginning of a later one. agentgov verify-proof checks it with nothing\n' +
        'but the key.',
    )
    .argument('<audit>', 'audit log with checkpoints beside it')
    .argument('[seq]', 'the event to prove', (text) => lineNumber('seq', text))
    .option('--from <lines>', 'size of the earlier checkpoint', (text) => lineNumber('--from', text))
    .option('--to <lines>', 'size of the later checkpoint; the newest without it', (text) => lineNumber('--to', text))
    .option('--checkpoints <file>', 'checkpoints of the log, instead of those in <audit>.checkpoints')
    .option('-o, --output <file>', 'write the proof to this file, which must not exist; stdout without it')
    .action(prove);
}

async function prove(log: string, seq: number | undefined, { from, to, checkpoints, output }: Flags): Promise<void> {
  if ((seq === undefined) === (from === undefined)) throw usageError('give either the seq of an event, or --from');
  const options = checkpoints === undefined ? {} : { checkpoints };
  const proof =
    seq === undefined ? await proveConsistency(log, from ?? 0, to, options) : await proveEvent(log, seq, options);
  if (output === undefined) {
    process.stdout.write(proof);
    return;
  }
  await writeFile(output, proof, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    throw usageError(`cannot write ${output} (${error.code}): give another --output`, error);
  });
}
