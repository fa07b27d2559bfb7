// agentgov seal: makes evidence of another program's log.
import { basename } from 'node:path';
import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { sealFile } from '../audit/index.js';
import { escapeForTerminal } from '../output/index.js';
import { addLogFlags, type LogFlags, logSetup } from './log-flags.js';
import { say } from './say.js';
import { agentId, word } from './values.js';

interface Flags extends LogFlags {
  output?: string;
  agentId?: string;
  follow?: boolean;
  json?: boolean;
}

export function sealCommand(): Command {
  const own = new Command('seal')
    .summary("chain another program's log, so that it cannot be changed unseen")
    .description(
      "Takes each line of another program's log into an audit log, exactly as it is, and ends with the hash of them all.\n" +
        'Called again it goes on where it ended, after checking that the file still begins with what was sealed.\n\n' +
        'Exit code: 0 done, 1 the file is not the one that was sealed, 2 usage, 4 the log cannot be written.',
    )
    .argument('<file>', 'the log of another program, or /dev/stdin')
    .option('-o, --output <log>', 'the audit log that it goes into (default: <file>.sealed.jsonl)', word('--output'))
    .option('--agent-id <id>', 'name of the agent whose log it is (default: the name of the file)', agentId)
    .option('--follow', 'go on with what its program adds, until Ctrl-C')
    .option('--json', 'print one JSON document');
  return addLogFlags(own).action(run);
}

async function run(file: string, flags: Flags): Promise<void> {
  const output = flags.output ?? `${file}.sealed.jsonl`;
  const setup = await logSetup(flags, output, say);
  const end = new AbortController();
  const stop = (): void => end.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    const { bytes, lines, bytesBefore, sha256 } = await sealFile(file, {
      output,
      agentId: flags.agentId ?? nameOf(file),
      writer: setup.options,
      follow: flags.follow ?? false,
      signal: end.signal,
    });
    if (flags.json) {
      const document = { file, log: output, bytes, lines, new_bytes: bytes - bytesBefore, sha256 };
      process.stdout.write(`${asciiJson(document)}\n`);
      return;
    }
    const news = bytesBefore === 0 ? '' : ` (${bytes - bytesBefore} bytes of them new)`;
    process.stdout.write(
      `${escapeForTerminal(`${file}: ${lines} lines, ${bytes} bytes${news}, sha256 ${sha256}, sealed in ${output}`)}\n`,
    );
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    await setup.close();
  }
}

const nameOf = (file: string): string =>
  basename(file)
    .replace(/[^A-Za-z0-9._@+-]/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 64) || 'log';
