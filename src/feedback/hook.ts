/**
 * What agents give their hooks on stdin, and what they make of stdout. Claude Code: code.claude.com/docs/en/hooks, events
 * PostToolUse and PostToolUseFailure (`duration_ms` from 2.1.119 on). Codex: developers.openai.com/codex/hooks, event PostToolUse;
 * schemas in codex-rs/hooks/schema/generated, where an answer may have no field beyond those.
 */
const EVENTS = ['PostToolUse', 'PostToolUseFailure'] as const;
type HookEvent = (typeof EVENTS)[number];

export interface HookInput {
  event: HookEvent;
  /** How long the tool ran, where the agent says so. */
  durationMs: number | undefined;
}

/** A tool's whole output is part of it. */
const MAX_INPUT = 64 << 20;

/** Both agents give a hook's words to the model up to 10,000 characters. */
export const HOOK_ROOM = 8000;

async function readAll(input: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > MAX_INPUT) throw new Error('it is longer than 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** @throws Error where it is no input of a hook that this is for. */
export async function readHookInput(input: AsyncIterable<Buffer>): Promise<HookInput> {
  const told = JSON.parse(await readAll(input)) as Record<string, unknown> | null;
  const event = EVENTS.find((name) => name === told?.hook_event_name);
  if (event === undefined) throw new Error(`its hook_event_name is none of ${EVENTS.join(', ')}`);
  const duration = told?.duration_ms;
  const isTime = typeof duration === 'number' && duration >= 0;
  return { event, durationMs: isTime ? duration : undefined };
}

/** The answer that adds a text to what the model sees. */
export const hookOutput = (event: HookEvent, text: string): string =>
  JSON.stringify({ hookSpecificOutput: { hookEventName: event, additionalContext: text } });
