import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { runtimeFolder } from '../control/index.js';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import {
  type Feedback,
  feedbackText,
  findFeedback,
  HOOK_ROOM,
  hookOutput,
  readHookInput,
  type Since,
} from '../feedback/index.js';
import { duration } from './values.js';

interface FeedbackFlags {
  since?: Since;
  json?: boolean;
  hook?: boolean;
}

/** Where only root can put something: the agent that asks need not be believed. */
const FOLDER = runtimeFolder(0, {}, '');

/** How far back a hook looks where its agent does not say how long the tool ran. */
const HOOK_MS = 60_000;
/** So much earlier than the tool began: what came into the file too late for the hook before is told by this one. */
const SLACK_MS = 2000;

function since(text: string): Since {
  if (/^\d{1,15}$/.test(text)) return { n: Number(text) };
  return { time: Date.now() - duration('--since')(text) };
}

function one(found: readonly Feedback[], agent: string | undefined): Feedback {
  const [first, ...more] = found;
  if (first === undefined) {
    const which = agent === undefined ? 'No agent is' : `No agent called ${JSON.stringify(agent)} is`;
    throw usageError(
      `${which} held to a policy that this user may ask about; agentgov enforce makes ${FOLDER}/AGENT.feedback.jsonl.`,
    );
  }
  if (more.length > 0) {
    const ids = found.map(({ agentId }) => agentId).join(', ');
    throw usageError(`There are several agents (${ids}); say which: agentgov feedback AGENT.`);
  }
  return first;
}

function show(agent: string | undefined, flags: FeedbackFlags): void {
  const { agentId, denials } = one(findFeedback(FOLDER, { agentId: agent, since: flags.since }), agent);
  const later = `agentgov feedback ${agentId} --since ${denials.at(-1)?.n} tells what comes later.`;
  const text = flags.json
    ? asciiJson({ agent_id: agentId, denials })
    : denials.length === 0
      ? 'Nothing was denied.'
      : `${feedbackText(denials, Number.POSITIVE_INFINITY)}\n${later}`;
  process.stdout.write(`${text}\n`);
}

/** Nobody is held to a policy: nothing to say. Never exit 2, by which both agents mean something else. */
async function answerHook(agent: string | undefined, flags: FeedbackFlags): Promise<void> {
  try {
    const { event, durationMs } = await readHookInput(process.stdin);
    const from = Date.now() - (durationMs === undefined ? HOOK_MS : durationMs + SLACK_MS);
    const found = findFeedback(FOLDER, { agentId: agent, since: flags.since ?? { time: from } });
    if (found.length === 0) return;
    const text = feedbackText(one(found, agent).denials, HOOK_ROOM);
    if (text !== undefined) process.stdout.write(`${hookOutput(event, text)}\n`);
  } catch (error) {
    throw new AgentgovError(`The hook could not be answered: ${(error as Error).message}`, EXIT.internal);
  }
}

export function feedbackCommand(): Command {
  return new Command('feedback')
    .summary('what an agent may know of what was denied to it')
    .description(
      'Tells what a policy has denied to an agent, by which rule, and what the rule says about it. For the agent itself: it\n' +
        'works inside the governed tree, and as a hook of Claude Code and Codex (templates/hooks).',
    )
    .argument('[agent]', 'the agent id; needed where several are governed that this user may ask about')
    .option('--since <when>', 'only later than a number (n), or not longer ago than 30s, 5m', since)
    .option('--json', 'print one JSON document')
    .option('--hook', "answer an agent's hook: its input on stdin, its answer on stdout")
    .action(async (agent: string | undefined, flags: FeedbackFlags) => {
      if (flags.hook) await answerHook(agent, flags);
      else show(agent, flags);
    });
}
