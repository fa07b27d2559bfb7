import type { AgentEvent } from '../events/index.js';

/** One step back from an event. */
export interface Step {
  readonly event: AgentEvent;
  /** How it is connected with the step before it. */
  readonly how: string;
  /** How sure that is, and what it rests on. */
  readonly rests: string;
}

const STEPS_MAX = 32;

const isOf = (text: unknown, word: string): boolean => String(text).toLowerCase().includes(word);

/** `WORD SEQ`, as a tool call has them. */
const wordsFrom = (call: AgentEvent): { word: string; seq: number }[] =>
  (Array.isArray(call.words_from) ? call.words_from : []).map((text) => {
    const at = text.lastIndexOf(' ');
    return { word: text.slice(0, at), seq: Number(text.slice(at + 1)) };
  });

/** The words of the event itself come first: they are what is asked about. */
function tracedFor(event: AgentEvent, call: AgentEvent): { word: string; seq: number }[] {
  const own = [event.dest_domain, event.dest_ip, event.path, ...(Array.isArray(event.argv) ? event.argv : [])];
  const rank = ({ word }: { word: string }) => (own.some((text) => text !== undefined && isOf(text, word)) ? 0 : 1);
  return wordsFrom(call).sort((a, b) => rank(a) - rank(b));
}

/** A shorter word of a command line may stand in any arguments. */
const ARGUMENT_MIN = 8;

/** Whether the call's arguments name what was done, or only explain the process that did it. */
function restsOn(event: AgentEvent, call: AgentEvent): string {
  const args = String(call.arguments ?? '').replace(/\\"/g, '"');
  const last = Array.isArray(event.argv) ? (event.argv.at(-1) ?? '') : '';
  const names = [event.dest_domain, event.dest_ip, last.length >= ARGUMENT_MIN ? last : undefined];
  const named = names.find((name) => typeof name === 'string' && args.includes(name));
  return named === undefined
    ? 'likely: the call explains the process that did it, or one above it'
    : 'sure: its arguments name it';
}

/**
 * What led to an event, step by step: the tool call that explains it, the response and the request of that call, and
 * the content in which its words first came in, back to where that content came from.
 */
export function tellStory(events: ReadonlyMap<number, AgentEvent>, seq: number): Step[] {
  const steps: Step[] = [];
  const told = new Set<number>();
  const all = [...events.values()];
  const add = (event: AgentEvent | undefined, how: string, rests: string): boolean => {
    if (event === undefined || told.has(Number(event.seq)) || steps.length >= STEPS_MAX) return false;
    told.add(Number(event.seq));
    steps.push({ event, how, rests });
    return true;
  };
  const fromCall = (event: AgentEvent, call: AgentEvent): void => {
    const answer = all.find((e) => e.event_type === 'llm_response' && e.cause_seq === call.cause_seq);
    add(answer, 'asked for in', 'sure: the call is part of this response');
    add(events.get(Number(call.cause_seq)), 'which answered', 'sure: they are one exchange');
    for (const { word, seq: from } of tracedFor(event, call)) {
      const content = events.get(from);
      if (
        !add(
          content,
          `"${word}" first came in with`,
          'likely: the same text; no earlier content of this session had it',
        )
      )
        continue;
      const source = all.find(
        (e) => e.event_type === 'tool_call' && e.tool_call_id === content?.tool_call_id && Number(e.seq) < from,
      );
      if (source === undefined || content?.tool_call_id === undefined) continue;
      if (add(source, 'which is the result of', 'sure: it has the id of the call')) fromCall(source, source);
    }
  };
  const event = events.get(seq);
  if (event === undefined || !add(event, '', '')) return steps;
  if (event.event_type === 'tool_call') {
    fromCall(event, event);
    return steps;
  }
  const cause = events.get(Number(event.cause_seq));
  const isCall = cause?.event_type === 'tool_call';
  if (!add(cause, 'because of', isCall ? restsOn(event, cause) : 'sure: they are one exchange')) return steps;
  if (isCall) fromCall(event, cause);
  return steps;
}
