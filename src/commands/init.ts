// agentgov init: a policy to begin with, fitted to this project and this machine.
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { EXIT, usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { fitTemplate, templates } from '../policy/index.js';
import { agentId, word } from './values.js';

const DEFAULT_FILE = 'agentgov.yaml';

interface Flags {
  output: string;
  workspace: string;
  agentId?: string;
  force?: boolean;
  list?: boolean;
}

export function initCommand(): Command {
  return new Command('init')
    .summary('write a policy to begin with')
    .description(
      'Writes a policy for a known agent: the project folder, the name servers of this machine and the package registries ' +
        'of your client configuration are filled in. It is in audit mode and blocks nothing.',
    )
    .argument('[agent]', 'claude-code, codex, gemini-cli, openclaw, opencode, python or generic', 'generic')
    .option('-o, --output <file>', 'where to write it, "-" for stdout', word('--output'), DEFAULT_FILE)
    .option('--workspace <dir>', 'the project that the agent works in', word('--workspace'), '.')
    .option('--agent-id <id>', 'name of the agent', agentId)
    .option('--force', 'replace the file')
    .option('--list', 'list the agents that there is a policy for')
    .action(init);
}

async function init(agent: string, { output, workspace, agentId: id, force, list }: Flags): Promise<void> {
  const known = await templates();
  if (list) {
    for (const { name, title } of known) process.stdout.write(`${name}: ${title}\n`);
    return;
  }
  const names = known.map(({ name }) => name);
  if (!names.includes(agent))
    throw usageError(`there is no policy for ${JSON.stringify(agent)}; there is ${names.join(', ')}`);
  const fitted = await fitTemplate(agent, {
    workspace: resolve(workspace),
    home: homedir(),
    env: process.env,
    ...(id !== undefined && { agentId: id }),
  });
  if (output === '-') {
    process.stdout.write(fitted.text);
    return;
  }
  await save(output, fitted.text, force ?? false);
  const say = (line: string): void => {
    process.stderr.write(`${escapeForTerminal(line)}\n`);
  };
  say(`wrote ${output}: ${fitted.rules} rules, audit mode`);
  for (const note of fitted.notes) say(`note: ${note}`);
  say(`next: agentgov policy check ${output}; record with agentgov monitor; then agentgov replay ${output} AUDIT`);
  process.exitCode = EXIT.ok;
}

async function save(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST')
      throw usageError(`${file} is there already: choose another --output, or --force to replace it`, error);
    throw usageError(`cannot write ${file} (${code}): choose an --output that you may write`, error);
  }
}
