// agentgov generate: a policy from a profile.
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { usageError } from '../errors.js';
import { format, generate, loadProfile, FORMATS as OTHERS } from '../profile/index.js';
import { say } from './say.js';
import { agentId, oneOf, word } from './values.js';

const FORMATS = ['agentgov', ...OTHERS] as const;

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
        'blocks nothing of what was learned; what touches keys, start-up files and the like is held for a decision. In ' +
        'other formats it is what they can say of that; the rest is listed, on stderr and at the top of the file.',
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

async function run(file: string, { output, format: name, agentId: id }: Flags): Promise<void> {
  const generated = generate(await loadProfile(file), id);
  const { text, notes } = name === 'agentgov' ? { text: generated.text, notes: [] } : format(name, generated);
  for (const note of [...generated.notes, ...notes]) say(note);
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
  const rules = generated.policy.document.policies.length;
  const next = name === 'agentgov' ? `, audit mode; next: agentgov replay ${output} AUDIT` : ` as ${name}`;
  say(`wrote ${output}: ${rules} rules${next}`);
}
