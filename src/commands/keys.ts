// agentgov keys: the key that signs checkpoints, and the text of it that others check them with.
import { Command } from 'commander';
import { defaultKeyPath, loadKey, makeKey } from '../audit/index.js';

interface Flags {
  key: string;
  name?: string;
}

const withKey = (command: Command): Command => command.option('--key <file>', 'the private key', defaultKeyPath());

export function keysCommand(): Command {
  const keys = new Command('keys')
    .summary('the key that signs checkpoints')
    .description(
      'Makes and shows the key that signs the checkpoints of audit logs.\n\n' +
        'Both print the public part (the vkey). Keep a copy of it where this machine cannot change it:\n' +
        'agentgov verify --vkey takes it.',
    );
  withKey(keys.command('new'))
    .description('make a key; never replaces one')
    .option('--name <name>', 'the name that signatures carry; one word, by default agentgov/ and the name of the host')
    .action(async ({ key, name }: Flags) => {
      const made = await makeKey(key, name);
      process.stdout.write(`${made.vkey}\n`);
      process.stderr.write(`The private key is in ${key}. Keep the line above where this machine cannot change it.\n`);
    });
  withKey(keys.command('show'))
    .description('print the vkey')
    .action(async ({ key }: Flags) => {
      process.stdout.write(`${(await loadKey(key)).vkey}\n`);
    });
  return keys;
}
