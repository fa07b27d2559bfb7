// agentgov diff: what one profile shows and another one does not.
import chalk from 'chalk';
import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { counted } from '../counted.js';
import { EXIT } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { type Drift, diffProfiles, type Gathered, gather, loadProfile } from '../profile/index.js';

interface Flags {
  json?: boolean;
}

export function diffCommand(): Command {
  return new Command('diff')
    .summary('what is new in a profile')
    .description(
      'Compares two profiles. Names that never come again (temporary ones, hashes, UUIDs) are compared by what they have in common.\n\n' +
        'Exit code: 0 nothing new appeared in B, 1 something did.',
    )
    .argument('<a>', 'the profile before')
    .argument('<b>', 'the profile after')
    .option('--json', 'print one JSON document')
    .action(run);
}

async function run(a: string, b: string, { json }: Flags): Promise<void> {
  const { appeared, gone } = diffProfiles(await loadProfile(a), await loadProfile(b));
  if (json) process.stdout.write(`${asciiJson({ a, b, appeared, gone })}\n`);
  else process.stdout.write(inWords(appeared, gone));
  if (appeared.length > 0) process.exitCode = EXIT.finding;
}

/** Lines of each kind that a person is shown. */
const MOST_SHOWN = 200;

function inWords(appeared: readonly Drift[], gone: readonly Drift[]): string {
  const lines = [`${appeared.length} new, ${gone.length} gone`];
  lines.push(...shown('+', gather(appeared), chalk.red), ...shown('-', gather(gone), chalk.dim));
  return `${lines.join('\n')}\n`;
}

function shown(sign: string, all: readonly Gathered[], paint: (text: string) => string): string[] {
  const lines = all.slice(0, MOST_SHOWN).map((drift) => paint(`${sign} ${describe(drift)}`));
  return all.length > MOST_SHOWN
    ? [...lines, `${sign} and ${all.length - MOST_SHOWN} more; --json has them all`]
    : lines;
}

function describe({ exe, script, do: verb, object, names, times, runs, sensitive }: Gathered): string {
  const who = exe === undefined ? '' : ` by ${exe}${script === undefined ? '' : ` ${script}`}`;
  const mark = sensitive === undefined ? '' : ` [sensitive: ${sensitive}]`;
  const seen = names === 1 ? `in ${counted(runs, 'run')}` : `under ${names} names`;
  return escapeForTerminal(`${verb} ${object}${who} (${times}x ${seen})${mark}`);
}
