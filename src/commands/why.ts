// agentgov why: what led to one event of a log, as a short story.
import { Command } from 'commander';
import { findWholeLogs, readLog } from '../audit/index.js';
import { Facts, type Step, tellStory } from '../cause/index.js';
import { usageError } from '../errors.js';
import { escapeForTerminal, prettyLine } from '../output/index.js';
import { lineNumber } from './values.js';

export function whyCommand(): Command {
  return new Command('why')
    .summary('what led to one event: which tool call, and where its words came from')
    .description(
      'Tells what led to an event of an audit log: the tool call that explains it, the response of the model that asked\n' +
        'for it, and the content in which its words first came in. Each step says how sure it is and what it rests on.',
    )
    .argument('<audit>', 'audit log, or its folder: all its files are read; a finished file stands for itself')
    .argument('<seq>', 'the event to explain', (text) => lineNumber('seq', text))
    .action(why);
}

async function why(path: string, seq: number): Promise<void> {
  const [log, another] = await findWholeLogs([path]);
  if (log === undefined || another !== undefined) throw usageError(`${path} is not one log: give the path of one`);
  const facts = new Facts(seq);
  for await (const lines of readLog(log)) for (const line of lines) facts.line(line);
  const steps = tellStory(facts, seq);
  if (steps.length === 0) throw usageError(`there is no event ${seq} in ${path}: give the seq of one of its events`);
  for (const { event, how, rests } of steps) {
    const line = `#${event.seq} ${prettyLine(event, { color: false })}`;
    process.stdout.write(how === '' ? `${line}\n` : `  ${escapeForTerminal(how)} ${line}\n    (${rests})\n`);
  }
  const missing = unexplained(steps);
  if (missing !== undefined) process.stdout.write(`  ${missing}\n`);
}

/** What the story does not say. */
function unexplained(steps: readonly Step[]): string | undefined {
  if (steps.some(({ event }, at) => at > 0 && event.event_type === 'tool_call')) return undefined;
  if (steps[0]?.event.intent === 'unmatched') return 'No tool call explains it.';
  return steps.length > 1
    ? undefined
    : 'The log does not say what led to it: no tool call was seen before it, or its kind is not joined to any.';
}
