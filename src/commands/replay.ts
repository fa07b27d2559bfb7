// agentgov replay: what a policy would have done to recordings, for people and for CI.
import { writeFile } from 'node:fs/promises';
import chalk from 'chalk';
import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import type { Finding as FailOn } from '../audit/index.js';
import { EXIT, usageError } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import {
  countsOf,
  describeFinding,
  MachineLinks,
  outcomeOf,
  type ReplayResult,
  replay,
  type Suggestion,
  suggest,
  toJson,
  toJunit,
  toSarif,
  whyOf,
} from '../policy/index.js';
import { addHome, HOME_HELP, printNotes, readPolicy } from './policy-file.js';
import { say } from './say.js';
import { addFinding, oneOf } from './values.js';

const REPORTS = ['json', 'junit', 'sarif'] as const;

interface Flags {
  json?: boolean;
  report?: (typeof REPORTS)[number];
  output?: string;
  failOn: FailOn[];
  suggest?: string;
  compat?: boolean;
  unverified?: boolean;
  home?: string[];
}

export function replayCommand(): Command {
  return new Command('replay')
    .summary('what a policy would have done to a recording')
    .description(
      'Decides on every event of the recordings as enforcement would, and shows what would have been stopped.\n\n' +
        'Exit code: 0 nothing would be blocked, 1 something would (or a finding of --fail-on), 2 the policy does not load ' +
        'or a recording cannot be read or does not verify.',
    )
    .argument('<policy>', 'policy file')
    .argument('<audit...>', 'audit logs, or folders of them, each log replayed on its own and with all its files')
    .option('--json', 'print one JSON document (the same as --report json)')
    .option('--report <format>', `print a report: ${REPORTS.join(', ')}`, oneOf('--report', REPORTS))
    .option('-o, --output <file>', 'write the report there instead of stdout')
    .option(
      '--fail-on <finding>',
      'exit 1 also on: hold, loss, blind (repeatable; blocked always counts)',
      addFinding,
      [],
    )
    .option('--suggest <findings>', 'also print rules that would clear these findings: all, or numbers as 1,3-5')
    .option('--home <dir>', HOME_HELP, addHome)
    .option('--compat', "another writer's log: ask only that the hashes hold")
    .option('--unverified', 'replay a recording that does not verify, or that can be read only once')
    .action(run);
}

async function run(path: string, audits: string[], flags: Flags): Promise<void> {
  if (flags.json && flags.report !== undefined && flags.report !== 'json') {
    throw usageError(`--json and --report ${flags.report} exclude each other`);
  }
  const report = flags.json ? 'json' : flags.report;
  if (flags.output !== undefined && report === undefined) throw usageError('--output belongs to --report');
  const policy = await readPolicy(path);
  if (policy === undefined) return;
  const links = new MachineLinks(false);
  const result = await replay(policy, audits, {
    ...(flags.home && { homes: flags.home }),
    aliases: links.aliases,
    compat: flags.compat ?? false,
    unverified: flags.unverified ?? false,
  });
  for (const note of links.notes) say(note);
  if (result.decided === 0)
    say('nothing was decided: no event of the recordings asks for anything, which shows nothing');
  const suggestion = flags.suggest === undefined ? undefined : suggestionFor(result, flags.suggest, flags.home);
  const failed = failures(result, flags.failOn);
  if (report === undefined) {
    printNotes(policy);
    process.stdout.write(inWords(result, failed, suggestion));
  } else await deliver(render(report, result, failed, suggestion), flags.output);
  if (failed.length > 0) process.exitCode = EXIT.finding;
}

function suggestionFor({ policy, findings }: ReplayResult, chosen: string, homes: string[] | undefined): Suggestion {
  const numbers = chosen === 'all' ? findings.map((_, index) => index + 1) : parseNumbers(chosen, findings.length);
  return suggest(policy, findings, numbers, homes);
}

function parseNumbers(text: string, count: number): number[] {
  const numbers = text.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part.trim()) ?? [];
    const [low, high] = [Number(from), Number(to)];
    if (from === undefined || low < 1 || high < low)
      throw usageError(`--suggest takes "all" or numbers of findings as 1,3-5, not ${JSON.stringify(text)}`);
    if (high > count) throw usageError(`there are ${count} findings, and no number ${high}`);
    return Array.from({ length: high - low + 1 }, (_, at) => low + at);
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** What makes this run a failure. In a replay nothing is stopped in earnest, so `block` and `would-block` are one. */
function failures(result: ReplayResult, failOn: readonly FailOn[]): FailOn[] {
  const { blocked, held } = countsOf(result);
  const of = (finding: FailOn): number =>
    result.recordings.reduce((sum, { verification }) => sum + (verification?.findings[finding] ?? 0), 0);
  const found: FailOn[] = [];
  if (blocked.events > 0) found.push('would-block');
  if (failOn.includes('hold') && held.events > 0) found.push('hold');
  for (const finding of ['loss', 'blind'] as const)
    if (failOn.includes(finding) && of(finding) > 0) found.push(finding);
  return found;
}

function render(
  report: (typeof REPORTS)[number],
  result: ReplayResult,
  failed: readonly string[],
  suggestion?: Suggestion,
): string {
  switch (report) {
    case 'json':
      return `${asciiJson(toJson(result, failed, suggestion))}\n`;
    case 'junit':
      return toJunit(result);
    case 'sarif':
      return `${asciiJson(toSarif(result))}\n`;
  }
}

async function deliver(text: string, file: string | undefined): Promise<void> {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (error) {
    throw usageError(
      `cannot write ${file} (${(error as NodeJS.ErrnoException).code}): give --output a file that you may write`,
      error,
    );
  }
}

const SHOWN = 20;
const PER_RULE = 3;

/** Counts by rule with first examples, then the findings by number. */
function inWords(result: ReplayResult, failed: readonly string[], suggestion?: Suggestion): string {
  const { blocked, held, allowed } = countsOf(result);
  const lost = result.recordings.reduce((sum, { verification }) => sum + (verification?.events_lost ?? 0), 0);
  const skipped = result.recordings.reduce((sum, recording) => sum + recording.skipped, 0);
  const lines = [
    `${result.events} events, ${result.decided} decided: ${allowed.events} allowed, ${blocked.events} would be blocked (${blocked.findings} different), ${held.events} would be held (${held.findings} different)`,
  ];
  const { failed: alone } = result;
  if (alone.events > 0)
    lines.push(`${alone.events} more failed on their own (${alone.stopped} of them would have been stopped as well)`);
  if (result.unresolved > 0)
    lines.push(`${result.unresolved} were decided on the name that was asked for: symlinks in it are not known`);
  if (lost > 0) lines.push(`${lost} events were lost in the recording: what they did nobody knows`);
  if (skipped > 0) lines.push(`${skipped} lines are no events and were skipped`);
  if (result.otherAgents > 0)
    lines.push(`${result.otherAgents} events are of other agents than "${result.policy.document.agent_id}"`);
  lines.push(...byRule(result));
  if (suggestion) lines.push(...suggested(suggestion));
  lines.push(failed.length === 0 ? chalk.green('ok') : chalk.red(`fails on ${failed.join(', ')}`));
  // The suggestion is YAML, and has been escaped where YAML needs it.
  return `${lines.join('\n')}\n`;
}

function byRule({ tallies, findings }: ReplayResult): string[] {
  const lines: string[] = [];
  const shown = findings.slice(0, SHOWN);
  for (const { verdict, events, operations } of tallies) {
    if (verdict.action === 'ALLOW') continue;
    const own = findings.filter((finding) => finding.verdict === verdict);
    const repeats = operations > events ? ` for ${operations} operations` : '';
    lines.push(
      '',
      `${chalk.bold(escapeForTerminal(verdict.name))}: ${outcomeOf(verdict)}, ${events} events${repeats}, ${own.length} different (${whyOf(verdict)})`,
    );
    const listed = own.filter((finding, index) => index < PER_RULE || shown.includes(finding));
    for (const finding of listed) {
      const { seq, line, timestamp } = finding.first;
      const where = `${seq === undefined ? `line ${line}` : `seq ${seq}`}${timestamp === undefined ? '' : ` ${timestamp}`}`;
      lines.push(
        `  ${findings.indexOf(finding) + 1}. ${describeFinding(finding)} (${finding.operations}x, first ${escapeForTerminal(where)})`,
      );
    }
    if (own.length > listed.length) lines.push(`  and ${own.length - listed.length} more; --json has them all`);
  }
  if (lines.length > 0) lines.push('');
  return lines;
}

function suggested({ yaml, left }: Suggestion): string[] {
  const head = 'Rules that would clear them (read them before you add them under "policies:"):';
  return [
    ...(yaml === '' ? [] : [head, '', yaml]),
    ...left.map(
      ({ number, by }) => `finding ${number} stays: ${escapeForTerminal(by)} decides on it whatever is added`,
    ),
  ];
}
