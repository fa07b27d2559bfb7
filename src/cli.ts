import { Command, type CommanderError } from 'commander';
import { EXIT } from './errors.js';
import { escapeForTerminal } from './output/index.js';
import { VERSION } from './package.js';

/** A subcommand: what the list of commands says of it, and its module, loaded when it is used. */
interface Entry {
  summary: string;
  /** `command`: the words behind "--"; undefined without it. */
  load: (command: string[] | undefined) => Promise<Command>;
  /** "--" begins a command line of its own, which is none of our options. */
  takesCommand?: true;
}

const COMMANDS: Record<string, Entry> = {
  doctor: {
    summary: 'what this kernel can do, and how to get more from it',
    load: async () => (await import('./commands/doctor.js')).doctorCommand(),
  },
  monitor: {
    summary: 'record what an agent and all its processes do',
    load: async (command) => (await import('./commands/monitor.js')).monitorCommand(command),
    takesCommand: true,
  },
  enforce: {
    summary: 'hold a policy over an agent and all its processes',
    load: async (command) => (await import('./commands/enforce.js')).enforceCommand(command),
    takesCommand: true,
  },
  verify: {
    summary: 'check that an audit log is intact',
    load: async () => (await import('./commands/verify.js')).verifyCommand(),
  },
  keys: {
    summary: 'the key that signs checkpoints',
    load: async () => (await import('./commands/keys.js')).keysCommand(),
  },
  learn: {
    summary: 'grow a profile of what an agent does',
    load: async (command) => (await import('./commands/learn.js')).learnCommand(command),
    takesCommand: true,
  },
  generate: {
    summary: 'make a policy of a profile',
    load: async () => (await import('./commands/generate.js')).generateCommand(),
  },
  diff: {
    summary: 'what is new in a profile',
    load: async () => (await import('./commands/diff.js')).diffCommand(),
  },
  replay: {
    summary: 'what a policy would have done to a recording',
    load: async () => (await import('./commands/replay.js')).replayCommand(),
  },
  why: {
    summary: 'what led to one event: which tool call, and where its words came from',
    load: async () => (await import('./commands/why.js')).whyCommand(),
  },
  policy: {
    summary: 'check a policy, or explain what it decides',
    load: async () => (await import('./commands/policy.js')).policyCommand(),
  },
  init: {
    summary: 'write a policy to begin with',
    load: async () => (await import('./commands/init.js')).initCommand(),
  },
  prove: {
    summary: 'prove one event, or the growth of a log, to somebody who has not the log',
    load: async () => (await import('./commands/prove.js')).proveCommand(),
  },
  'verify-proof': {
    summary: 'check a proof that agentgov prove has written',
    load: async () => (await import('./commands/verify-proof.js')).verifyProofCommand(),
  },
  export: {
    summary: 'the events of an audit log in the format that a SIEM reads',
    load: async () => (await import('./commands/export.js')).exportCommand(),
  },
  seal: {
    summary: "chain another program's log, so that it cannot be changed unseen",
    load: async () => (await import('./commands/seal.js')).sealCommand(),
  },
  prune: {
    summary: 'remove finished files of a log that were kept for long enough',
    load: async () => (await import('./commands/prune.js')).pruneCommand(),
  },
  status: {
    summary: 'which agents are governed, and how',
    load: async () => (await import('./commands/status.js')).statusCommand(),
  },
  mode: {
    summary: 'switch an agent, or one rule, between audit and enforce',
    load: async () => (await import('./commands/mode.js')).modeCommand(),
  },
  reload: {
    summary: 'put a changed policy in force',
    load: async () => (await import('./commands/reload.js')).reloadCommand(),
  },
  feedback: {
    summary: 'what an agent may know of what was denied to it',
    load: async () => (await import('./commands/feedback.js')).feedbackCommand(),
  },
  detach: {
    summary: 'end the governing of an agent, and leave the agent running',
    load: async () => (await import('./commands/detach.js')).detachCommand(),
  },
  stop: {
    summary: 'freeze and kill the whole tree of an agent',
    load: async () => (await import('./commands/stop.js')).stopCommand(),
  },
};

const EXIT_CODES = `
Exit codes: 0 done, nothing wrong found; 1 a finding; 2 usage or bad input;
3 a privilege or kernel feature is missing; 4 an internal failure.
With "-- CMD": the exit code of CMD.`;

/** Which subcommand these words name: the first that is no option, or the one behind `help`. */
function chosen(words: readonly string[]): string | undefined {
  const names = words.filter((word) => !word.startsWith('-'));
  return names[0] === 'help' ? names[1] : names[0];
}

async function build(words: readonly string[], command: string[] | undefined): Promise<Command> {
  const program = new Command('agentgov')
    .description('Governs AI agents on Linux from underneath: records what the kernel sees them do.')
    .version(VERSION)
    .exitOverride()
    // Errors are printed once, by us, in one sentence.
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', EXIT_CODES);
  const name = chosen(words);
  for (const [own, { summary, load }] of Object.entries(COMMANDS)) {
    const subcommand = own === name ? await load(command) : new Command(own).summary(summary).description(summary);
    program.addCommand(subcommand.copyInheritedSettings(program));
  }
  return program;
}

/** One sentence, even where it comes from a part that ends none of its own. */
const sentence = (text: string): string => (/[.!?):]$/.test(text) ? text : `${text}.`);

/** File names and arguments are part of it, so line ends in it are none of ours; `more` are lines of their own. */
const complain = (text: string, more: readonly string[] = []): void => {
  process.stderr.write(`agentgov: ${[sentence(text), ...more].map(escapeForTerminal).join('\n')}\n`);
};

function usageText(error: CommanderError, words: readonly string[]): string {
  const name = chosen(words);
  const help = name !== undefined && Object.hasOwn(COMMANDS, name) ? `agentgov ${name} --help` : 'agentgov --help';
  const text = error.message
    .replace(/^error: /, '')
    .replace(/\n.*/s, '')
    .replace(/\.$/, '');
  if (error.code === 'commander.excessArguments' && (name === 'monitor' || name === 'learn')) {
    return `${name} takes no arguments of its own; a command goes behind "--".`;
  }
  return `${text}; see ${help}.`;
}

/** By what it carries: a command that is a bundle of its own has its own copy of the class. */
const isCommanderError = (error: unknown): error is CommanderError =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');

function report(error: unknown, words: readonly string[]): number {
  if (isCommanderError(error)) {
    // Help and version were asked for and are printed; without any word the help is an answer to a mistake.
    if (error.exitCode === 0) return EXIT.ok;
    if (error.code === 'commander.help') return EXIT.usage;
    complain(usageText(error, words));
    return EXIT.usage;
  }
  // AgentgovError, and whatever else says how it is to end.
  if (error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number') {
    const [first = error.message, ...more] = 'shown' in error ? (error.shown as string[]) : [];
    complain(first, more);
    return error.exitCode;
  }
  const [what = '', ...stack] = (error instanceof Error ? (error.stack ?? error.message) : String(error)).split(
    /\n(?= {4}at )/,
  );
  complain(`internal error: ${what}`, stack);
  return EXIT.internal;
}

/**
 * Runs agentgov with these words (without "node agentgov"). Never rejects.
 * @returns the exit code.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const dashes = argv.indexOf('--');
  const entry = Object.hasOwn(COMMANDS, chosen(argv) ?? '') ? COMMANDS[chosen(argv) ?? ''] : undefined;
  const splits = dashes !== -1 && entry?.takesCommand === true;
  const words = splits ? argv.slice(0, dashes) : [...argv];
  try {
    process.exitCode = EXIT.ok;
    const program = await build(words, splits ? argv.slice(dashes + 1) : undefined);
    if (words.length === 0) program.help({ error: true });
    await program.parseAsync(words, { from: 'user' });
    return Number(process.exitCode);
  } catch (error) {
    return report(error, words);
  }
}

/** How long what is still open may keep the process after its work is done. */
const LAST_MS = 200;

/** `main` as a process: its exit code is the result, and a reader that goes away ends it quietly. */
export async function runCli(argv: readonly string[]): Promise<void> {
  let unwritten = false;
  // Whoever writes while the reader has gone gets EPIPE here as well as from their own write.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // A session that shows itself there has a listener of its own, and a log that goes on.
    if (code === 'EPIPE' || process.stdout.listenerCount('error') > 1) return;
    if (!unwritten) complain(`cannot write to standard output (${code}): make room there, or send it elsewhere`);
    unwritten = true;
    process.exitCode = EXIT.internal;
  });
  process.stderr.on('error', () => {});
  const result = await main(argv);
  process.exitCode = unwritten ? EXIT.internal : result;
  // The work is done and its code is settled: whoever presses Ctrl-C once more changes neither.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {});
  // A command that goes on without its recording, or a socket without an answer, must not hold us here.
  setTimeout(() => process.exit(), LAST_MS).unref();
}
