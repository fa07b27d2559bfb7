// agentgov verify-proof: checks a proof with nothing but the key.
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { readVkeys, verifyProof } from '../audit/index.js';
import { usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';

interface Flags {
  vkey: string[];
  json?: boolean;
}

export function verifyProofCommand(): Command {
  return new Command('verify-proof')
    .summary('check a proof that agentgov prove has written')
    .description(
      'Checks a proof with nothing but the key of the one who signed the log.\n\n' +
        'Exit code: 0 it holds, 1 it does not, 2 it is no proof.',
    )
    .argument('<proof>', 'the proof')
    .requiredOption(
      '--vkey <key>',
      'the key: its text, or a file of keys (repeatable)',
      (text, all: string[]) => [...all, text],
      [],
    )
    .option('--json', 'print one JSON document')
    .action(check);
}

async function check(path: string, { vkey, json }: Flags): Promise<void> {
  if (vkey.length === 0) throw usageError('a proof says nothing without --vkey: give the key of the one who signed');
  const keys = (await Promise.all(vkey.map(readVkeys))).flat();
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw usageError(`cannot read ${path} (${error.code}): give a proof that you may read`, error);
  });
  const proven = verifyProof(text, keys);
  const signers = proven.signers.map(({ vkey: key }) => key);
  if (json) {
    const event = proven.kind === 'event' ? { line: proven.line.toString('utf8') } : {};
    process.stdout.write(`${asciiJson({ ...proven, ...event, signers })}\n`);
    return;
  }
  const by = escapeForTerminal(proven.signers.map(({ name, id }) => `${name}+${id}`).join(', '));
  const origin = escapeForTerminal(proven.origin);
  if (proven.kind === 'consistency') {
    process.stdout.write(
      `The first ${proven.from} lines of ${origin} are the beginning of its ${proven.to}, signed by ${by}.\n`,
    );
    return;
  }
  process.stdout.write(`${escapeForTerminal(proven.line.toString('utf8'))}\n`);
  process.stderr.write(`This is line ${proven.seq} of the ${proven.size} lines of ${origin}, signed by ${by}.\n`);
}
