// agentgov verify: the verdict on audit logs, for people, for scripts and for CI.
import chalk from 'chalk';
import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import {
  FINDINGS,
  type Finding,
  findLogs,
  isSound,
  type LogFiles,
  logName,
  readVkeys,
  type Tip,
  type Verification,
  type VerifierKey,
  VerifierMemory,
  verifyLog,
} from '../audit/index.js';
import { AgentgovError, EXIT, type ExitCode, usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { say } from './say.js';

interface Flags {
  compat?: boolean;
  json?: boolean;
  expectCount?: number;
  expectHash?: string;
  state?: string;
  /** A file, or false with --no-checkpoints. */
  checkpoints?: string | boolean;
  vkey: string[];
  failOn: Finding[];
}

/** What is known of one log: a verdict, or why there is none. */
interface Judged {
  /** What to call the log: its file, or the name that its files share. */
  readonly path: string;
  readonly outcome: Verification | AgentgovError;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .summary('check that an audit log is intact')
    .description(
      'Checks the chain of hashes of each audit log.\n\n' +
        'Exit code: 0 intact or empty, 1 tampered, truncated or a finding of --fail-on, 2 unreadable.',
    )
    .argument('<audit...>', 'audit logs, or folders of them; the files of a rotated log are judged as one')
    .option('--compat', "another writer's log: ask only that the hashes hold, not that each line is canonical")
    .option('--json', 'print one JSON document')
    .option('--expect-count <events>', 'the log must have exactly this many events', count)
    .option('--expect-hash <hash>', 'the last event must have this hash_self', hash)
    .option('--state <file>', 'remember the end of each log in this file, and fail when a log no longer extends it')
    .option('--checkpoints <file>', 'signed checkpoints of the log, instead of those in <audit>.checkpoints')
    .option('--no-checkpoints', 'look at no checkpoints, for a log that was copied without them')
    .option(
      '--vkey <key>',
      'checkpoints must be signed with this key: its text, or a file of keys (repeatable)',
      add,
      [],
    )
    .option('--fail-on <finding>', `exit 1 also on one of: ${FINDINGS.join(', ')} (repeatable)`, addFinding, [])
    .action(verify);
}

async function verify(paths: string[], flags: Flags): Promise<void> {
  const keys = (await Promise.all(flags.vkey.map(readVkeys))).flat();
  const memory = flags.state === undefined ? undefined : await VerifierMemory.open(flags.state);
  const judged: Judged[] = [];
  const logs = await findLogs(paths);
  const speaksOfOne = [flags.expectCount, flags.expectHash].some((value) => value !== undefined);
  if (logs.length > 1 && (speaksOfOne || typeof flags.checkpoints === 'string')) {
    throw usageError('--expect-count, --expect-hash and --checkpoints speak of one log: give one');
  }
  for (const files of logs) {
    const path = logName(files);
    const log = { path, outcome: await judge(files, flags, keys, memory?.get(path)) };
    // Alone, it is the error of the whole command.
    if (logs.length === 1 && log.outcome instanceof AgentgovError) throw log.outcome;
    judged.push(log);
    remember(memory, log);
    if (!flags.json) report(log, flags);
  }
  await memory?.save();
  if (flags.json) {
    const documents = judged.map(({ outcome }) => toJson(outcome, flags));
    const named = documents.map((document, index) => ({ file: judged[index]?.path, ...document }));
    const document = named.length > 1 ? { logs: named } : documents[0];
    process.stdout.write(`${asciiJson(document)}\n`);
  }
  process.exitCode = Math.max(...judged.map((log) => exitCode(log, flags)));
}

/** Only what was found in order is worth remembering. */
function remember(memory: VerifierMemory | undefined, { path, outcome }: Judged): void {
  if (outcome instanceof AgentgovError || !isSound(outcome)) return;
  const { last_seq: count, last_hash: hash } = outcome;
  if (count !== null && hash !== null) memory?.set(path, { count, hash });
}

async function judge(
  files: LogFiles,
  { compat = false, expectCount, expectHash, checkpoints }: Flags,
  keys: VerifierKey[],
  remembered: Tip | undefined,
): Promise<Judged['outcome']> {
  const progress = progressOf(logName(files));
  try {
    return await verifyLog(files, {
      compat,
      ...(expectCount === undefined ? {} : { expectCount }),
      ...(expectHash === undefined ? {} : { expectHash }),
      ...(checkpoints === undefined || checkpoints === true ? {} : { checkpoints }),
      ...(keys.length > 0 ? { keys } : {}),
      ...(remembered ? { remembered } : {}),
      ...(progress ? { onProgress: progress.show } : {}),
    });
  } catch (error) {
    if (error instanceof AgentgovError) return error;
    throw error;
  } finally {
    progress?.clear();
  }
}

const failures = ({ findings }: Verification, { failOn }: Flags): Finding[] =>
  FINDINGS.filter((finding) => failOn.includes(finding) && findings[finding] > 0);

function exitCode({ outcome }: Judged, flags: Flags): ExitCode {
  if (outcome instanceof AgentgovError) return outcome.exitCode;
  return isSound(outcome) && failures(outcome, flags).length === 0 ? EXIT.ok : EXIT.finding;
}

function toJson(outcome: Judged['outcome'], flags: Flags): object {
  if (outcome instanceof AgentgovError) return { error: outcome.message };
  const { findings: _, ...verdict } = outcome;
  const failedOn = failures(outcome, flags);
  return { ...verdict, ...(flags.failOn.length > 0 ? { failed_on: failedOn } : {}) };
}

function report({ path, outcome }: Judged, flags: Flags): void {
  if (outcome instanceof AgentgovError) {
    say(outcome.message);
    return;
  }
  const { verdict, events, last_hash: last, events_lost: lost, reason, live, checks } = outcome;
  const failed = failures(outcome, flags).map((finding) => `${finding} (${outcome.findings[finding]})`);
  const parts = [
    ...(isSound(outcome) ? [] : [reason]),
    isSound(outcome) ? `${events} events` : `${events} events before that hold`,
    ...(isSound(outcome) && last ? [`last hash ${last}`] : []),
    ...before(outcome),
    ...(lost > 0 ? [`it says that ${lost} events were lost`] : []),
    ...(live ? ['its writer is at work'] : []),
    ...(verdict === 'intact' && checks.tip === 'absent' ? ['nothing beside it says where it ends'] : []),
    ...(failed.length > 0 ? [`fails on ${failed.join(', ')}`] : []),
  ];
  const colour = isSound(outcome) && failed.length === 0 ? chalk.green : chalk.red;
  process.stdout.write(`${escapeForTerminal(path)}: ${colour(verdict)}: ${escapeForTerminal(parts.join('; '))}\n`);
}

/** What the first of these lines has before it. */
function before({ first_seq: first, pruned }: Verification): string[] {
  if (pruned) return [`the ${pruned} before them were removed on purpose`];
  return first !== null && first > 1 ? [`they begin with line ${first} of the log`] : [];
}

/** Progress on a terminal, from the second on which one would wonder; undefined where nobody looks. */
function progressOf(path: string) {
  if (!process.stderr.isTTY) return undefined;
  const begin = Date.now();
  let shown = begin + 500;
  return {
    show: (bytes: number, total: number | undefined): void => {
      const now = Date.now();
      if (now - shown < 500) return;
      shown = now;
      const seconds = total === undefined ? undefined : Math.ceil((((now - begin) / bytes) * (total - bytes)) / 1000);
      const done =
        total === undefined
          ? `${Math.floor(bytes / 2 ** 20)} MiB`
          : `${Math.floor((100 * bytes) / total)} %, ${seconds} s left`;
      process.stderr.write(`\r\u001b[K${escapeForTerminal(path)}: ${done}`);
    },
    clear: (): void => {
      if (shown > begin + 500) process.stderr.write('\r\u001b[K');
    },
  };
}

function count(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number;
  throw usageError(`--expect-count takes a number of events, not "${text}"`);
}

function hash(text: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw usageError(`--expect-hash takes the 64 hex digits of a hash_self, not "${text}"`);
}

const add = (text: string, before: string[]): string[] => [...before, text];

function addFinding(text: string, before: Finding[]): Finding[] {
  const finding = FINDINGS.find((name) => name === text);
  if (finding !== undefined) return [...before, finding];
  throw usageError(`--fail-on takes one of ${FINDINGS.join(', ')}, not "${text}"`);
}
