// agentgov generate: a policy from a profile.
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { generate, loadProfile } from '../profile/index.js';
import { agentId, oneOf, word } from './values.js';

const FORMATS = ['agentgov'] as const;

interface Flags {
  output?: string;
  format: (typeof FORMATS)[number];
  agentId?: string;
}

export function generateCommand(): Command {
  return new Command('generate')
    .summary('make a policy of a profile')
    .description(
      'Makes a policy of a profile: rules that a person would write, each with what it rests on. It is in audit mode, and ' +
        'blocks nothing of what was learned; what touches keys, start-up files and the like is held for a decision.',
    )
    .argument('<profile>', 'profile of agentgov learn')
    .option('-o, --output <file>', 'where to write it (default: stdout)', word('--output'))
    .option(
      '--format <format>',
      `language of the policy: ${FORMATS.join(', ')}`,
      oneOf('--format', FORMATS),
      'agentgov',
    )
    .option('--agent-id <id>', 'which agent, where the profile is of several', agentId)
    .action(run);
}

async function run(file: string, { output, agentId: id }: Flags): Promise<void> {
  const { text, policy, notes } = generate(await loadProfile(file), id);
  for (const note of notes) process.stderr.write(`agentgov: ${escapeForTerminal(note)}\n`);
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(output, text);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw usageError(`cannot write ${output} (${code}): give --output a file that you may write`, error);
  }
  const rules = policy.document.policies.length;
  process.stderr.write(
    `agentgov: ${escapeForTerminal(`wrote ${output}: ${rules} rules, audit mode; next: agentgov replay ${output} AUDIT`)}\n`,
  );
}
