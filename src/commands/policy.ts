// agentgov policy check, agentgov policy explain: what a policy means, on any system.

import { createInterface } from 'node:readline';
import chalk from 'chalk';
import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { findWholeLogs } from '../audit/index.js';
import { counted } from '../counted.js';
import { EXIT, usageError } from '../errors.js';
import { type AgentEvent, EVENT_TYPES } from '../events/index.js';
import { escapeForTerminal } from '../output/index.js';
import {
  type Clause,
  didYouMean,
  Engine,
  type Explanation,
  enforcementOf,
  isStricter,
  loadPolicy,
  MachineLinks,
  objectOf,
  outcomeOf,
  type Policy,
  PolicyError,
  PolicyRun,
  readEvents,
  type Subject,
  whyOf,
} from '../policy/index.js';
import { addHome, HOME_HELP, printFaults, printNotes, readPolicy } from './policy-file.js';

export function policyCommand(): Command {
  return new Command('policy')
    .summary('check a policy, or explain what it decides')
    .description("The policy language's own tools: no root, no kernel, any system.")
    .addCommand(checkCommand())
    .addCommand(explainCommand())
    .action((_, command: Command) => command.help({ error: true }));
}

/** Below the top level nobody else sets this: errors are thrown, and printed once by the caller. */
const nested = (name: string): Command => new Command(name).exitOverride().configureOutput({ outputError: () => {} });

interface CheckFlags {
  json?: boolean;
}

function checkCommand(): Command {
  return nested('check')
    .summary('load policies strictly')
    .description(
      'Loads each policy and says what is wrong, as FILE:LINE:COL: message.\n\nExit code: 0 all load, 2 one does not.',
    )
    .argument('<policy...>', 'policy files')
    .option('--json', 'print one JSON document')
    .action(check);
}

async function check(paths: string[], { json }: CheckFlags): Promise<void> {
  const documents: object[] = [];
  for (const path of paths) {
    try {
      const policy = await loadPolicy(path);
      documents.push(checked(policy));
      if (json) continue;
      printNotes(policy);
      process.stdout.write(`${escapeForTerminal(path)}: ${chalk.green('ok')}: ${summary(policy)}\n`);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      process.exitCode = EXIT.usage;
      documents.push({ file: path, ok: false, problems: error.problems });
      if (!json) printFaults(error);
    }
  }
  if (json) process.stdout.write(`${asciiJson(documents.length > 1 ? { policies: documents } : documents[0])}\n`);
}

const summary = ({ document }: Policy): string =>
  `${counted(document.policies.length, 'rule')}, mode ${document.mode ?? 'audit'}`;

const checked = ({ file, document, sha256, notes, positions }: Policy): object => ({
  file,
  ok: true,
  sha256,
  mode: document.mode ?? 'audit',
  notes,
  rules: document.policies.map((rule, index) => ({
    name: rule.name,
    action: rule.action,
    line: positions[index]?.line,
    mode: rule.mode ?? document.mode ?? 'audit',
    enforced_in: enforcementOf(rule).in,
    notes: enforcementOf(rule).notes,
  })),
});

interface ExplainFlags {
  json?: boolean;
  home?: string[];
  exe?: string;
  script?: string;
  from?: string;
  seq?: number;
}

function explainCommand(): Command {
  return nested('explain')
    .summary('say which rule decides on an event, and why')
    .description(
      'Says which rule decides on an event, why, and where it is enforced; without an event, that of each rule.\n\n' +
        'EVENT is one JSON object as in the log, for example \'{"event_type":"file_open","access":"read","path":"/etc/shadow"}\'; ' +
        '"-" reads one a line from stdin.',
    )
    .argument('<policy>', 'policy file')
    .argument('[event]', 'the event, or "-"')
    .option('--from <audit>', 'take the event from this log, with all that the log says of its process')
    .option('--seq <number>', 'its seq there', number)
    .option('--exe <path>', 'program that acts (for process_exec: the one that asks)')
    .option('--script <path>', 'script that this program runs')
    .option('--home <dir>', HOME_HELP, addHome)
    .option('--json', 'print one JSON document for each event')
    .action(explain);
}

function number(text: string): number {
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text);
  throw usageError(`--seq takes the seq of an event, not ${JSON.stringify(text)}`);
}

async function explain(path: string, event: string | undefined, flags: ExplainFlags): Promise<void> {
  if ((flags.from === undefined) !== (flags.seq === undefined)) throw usageError('--from and --seq belong together');
  if (flags.from !== undefined && event !== undefined) throw usageError('give an event, or --from and --seq, not both');
  const policy = await readPolicy(path);
  if (policy === undefined) return;
  const engine = new Engine(policy, {
    ...(flags.home && { homes: flags.home }),
    aliases: new MachineLinks(false).aliases,
  });
  const subject: Subject = { exe: flags.exe, script: flags.script };
  if (flags.from !== undefined && flags.seq !== undefined) {
    const found = await recorded(engine, flags.from, flags.seq);
    show(policy, engine, found.event, { ...found.subject, ...defined(subject) }, flags);
  } else if (event === undefined) showRules(policy, flags);
  else if (event === '-') {
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.trim() !== '') show(policy, engine, parseEvent(line), defined(subject), flags);
    }
  } else show(policy, engine, parseEvent(event), defined(subject), flags);
}

const defined = ({ exe, script }: Subject): Subject => ({ ...(exe && { exe }), ...(script && { script }) });

function parseEvent(text: string): AgentEvent {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'event_type' in value) return known(value as AgentEvent);
  } catch (error) {
    // Said below, once for both.
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw usageError(
    `an event is a JSON object with event_type (docs/events.md), not ${JSON.stringify(text.slice(0, 60))}`,
  );
}

/** A word that no event has would be one on which nothing decides. */
function known(event: AgentEvent): AgentEvent {
  const type = String(event.event_type);
  if (Object.hasOwn(EVENT_TYPES, type)) return event;
  throw usageError(
    `no event is called ${JSON.stringify(type.slice(0, 60))}${didYouMean(type, Object.keys(EVENT_TYPES))}`,
  );
}

async function recorded(engine: Engine, file: string, seq: number): Promise<{ event: AgentEvent; subject: Subject }> {
  const run = new PolicyRun(engine);
  let found: { event: AgentEvent; subject: Subject } | undefined;
  const [log, ...others] = await findWholeLogs([file]);
  if (log === undefined || others.length > 0) throw usageError(`${file} is not one log: give --from the files of one`);
  await readEvents(log, Number.POSITIVE_INFINITY, (event) => {
    if (event.seq === seq) found = { event, subject: run.subjectOf(event) };
    run.decide(event);
  });
  if (found === undefined) throw usageError(`${file} has no event with seq ${seq}`);
  return found;
}

const ruleName = (policy: Policy, { rule }: Clause): string => policy.document.policies[rule]?.name ?? '';

const unique = (names: string[]): string[] => [...new Set(names)];

/** One event: as JSON, or in words. */
function show(policy: Policy, engine: Engine, event: AgentEvent, subject: Subject, { json }: ExplainFlags): void {
  const asked = engine.explain(event, subject);
  const [first] = asked;
  if (first === undefined) {
    const text = `${event.event_type} only reports: no policy decides on it`;
    process.stdout.write(json ? `${asciiJson({ action: null, reason: text })}\n` : `${escapeForTerminal(text)}\n`);
    return;
  }
  const decisive = asked.reduce((a, b) => (isStricter(b.verdict.action, a.verdict.action) ? b : a), first);
  if (json) process.stdout.write(`${asciiJson(explained(policy, asked, decisive))}\n`);
  else process.stdout.write(inWords(policy, event, asked, decisive));
}

function explained(policy: Policy, asked: readonly Explanation[], { verdict }: Explanation): object {
  const rule = verdict.rule === undefined ? undefined : policy.document.policies[verdict.rule];
  return {
    action: verdict.action,
    outcome: outcomeOf(verdict),
    rule: verdict.name,
    by: verdict.by,
    class: verdict.class,
    mode: verdict.mode,
    ...(verdict.rule !== undefined && { line: policy.positions[verdict.rule]?.line }),
    ...(rule && { enforced_in: enforcementOf(rule).in, notes: enforcementOf(rule).notes }),
    ...(rule?.max !== undefined && { max: rule.max }),
    operations: asked.map(({ path, verdict: one, matching }) => ({
      ...(path !== undefined && { path }),
      action: one.action,
      rule: one.name,
      by: one.by,
      matching: unique(matching.map((clause) => ruleName(policy, clause))),
    })),
  };
}

const COLOURS = { ALLOW: chalk.green, HUMAN_APPROVAL: chalk.yellow, BLOCK: chalk.red } as const;

function inWords(policy: Policy, event: AgentEvent, asked: readonly Explanation[], { verdict }: Explanation): string {
  const place = verdict.rule === undefined ? undefined : policy.positions[verdict.rule];
  const rule = verdict.rule === undefined ? undefined : policy.document.policies[verdict.rule];
  const lines = [
    `${COLOURS[verdict.action](verdict.action)} by ${escapeForTerminal(verdict.name)}${place ? ` (${escapeForTerminal(policy.file)}:${place.line})` : ''}: ${whyOf(verdict)}; mode ${verdict.mode}: ${outcomeOf(verdict)}`,
  ];
  if (rule) {
    const { in: tiers, notes } = enforcementOf(rule);
    lines.push(`  enforced in: ${tiers.join(', ') || 'no tier'}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`);
    if (rule.max !== undefined) lines.push(`  at most ${rule.max}; more is BLOCK`);
  }
  for (const { path, verdict: one, matching } of asked) {
    const [, ...others] = unique(matching.map((clause) => ruleName(policy, clause)));
    const also = others.length > 0 ? `; less specific: ${others.slice(0, 8).join(', ')}` : '';
    lines.push(
      escapeForTerminal(`  ${path ?? (objectOf(event) || event.event_type)}: ${one.action} by ${one.name}${also}`),
    );
  }
  return `${lines.join('\n')}\n`;
}

function showRules(policy: Policy, { json }: ExplainFlags): void {
  if (json) {
    process.stdout.write(`${asciiJson(checked(policy))}\n`);
    return;
  }
  printNotes(policy);
  for (const [index, rule] of policy.document.policies.entries()) {
    const { in: tiers, notes } = enforcementOf(rule);
    const more = notes.length > 0 ? ` (${notes.join('; ')})` : '';
    const head = `${policy.file}:${policy.positions[index]?.line}: ${rule.name}: `;
    process.stdout.write(
      `${escapeForTerminal(head)}${COLOURS[rule.action](rule.action)}, mode ${rule.mode ?? policy.document.mode ?? 'audit'}, enforced in ${tiers.join(', ') || 'no tier'}${more}\n`,
    );
  }
}
