import type { AgentEvent } from '../events/index.js';
import { BASES } from './basis.js';
import { type Facts, identity } from './facts.js';

/** One step back from an event. */
export interface Step {
  readonly event: AgentEvent;
  /** How it is connected with the step before it. */
  readonly how: string;
  /** How sure that is, and what it rests on. */
  readonly rests: string;
}

const STEPS_MAX = 32;
/** Of what a call led to, where its result is part of the story. */
const DEEDS_MAX = 3;

const ONE_EXCHANGE = 'sure: they are one exchange';

const isOf = (text: unknown, word: string): boolean => String(text).toLowerCase().includes(word);

/** `WORD SEQ`, as an event has them. */
const wordsFrom = ({ words_from: words }: AgentEvent): { word: string; seq: number }[] =>
  (Array.isArray(words) ? words : []).map((text) => {
    const at = text.lastIndexOf(' ');
    return { word: text.slice(0, at), seq: Number(text.slice(at + 1)) };
  });

/** The words of the event itself come first: they are what is asked about. */
function tracedFor(event: AgentEvent, of: AgentEvent): { word: string; seq: number }[] {
  const own = [event.dest_domain, event.dest_ip, event.path, ...(Array.isArray(event.argv) ? event.argv : [])];
  const rank = ({ word }: { word: string }) => (own.some((text) => text !== undefined && isOf(text, word)) ? 0 : 1);
  return wordsFrom(of).sort((a, b) => rank(a) - rank(b));
}

const restsOn = ({ cause_by }: AgentEvent): string =>
  typeof cause_by === 'string' && Object.hasOwn(BASES, cause_by)
    ? BASES[cause_by as keyof typeof BASES]
    : 'likely: the log says that it does, not why';

/**
 * What led to an event, step by step: the tool call that explains it, the response and the request of that call, and
 * the content in which its words first came in, back to where that content came from.
 */
export function tellStory(facts: Facts, seq: number): Step[] {
  const teller = new Teller(facts);
  const event = facts.events.get(seq);
  if (event !== undefined) teller.tell(event);
  return teller.steps;
}

class Teller {
  readonly steps: Step[] = [];
  readonly #told = new Set<AgentEvent>();
  /** The event that is asked about. */
  #asked: AgentEvent = {};

  constructor(private readonly facts: Facts) {}

  tell(event: AgentEvent): void {
    this.#asked = event;
    this.#add(event, '', '');
    this.#from(event);
  }

  /** @returns whether it is a new step. */
  #add(event: AgentEvent | undefined, how: string, rests: string): event is AgentEvent {
    if (event === undefined || this.#told.has(event) || this.steps.length >= STEPS_MAX) return false;
    this.#told.add(event);
    this.steps.push({ event, how, rests });
    return true;
  }

  #from(event: AgentEvent): void {
    if (event.event_type === 'tool_call') {
      this.#fromCall(event);
      return;
    }
    const cause = this.facts.events.get(Number(event.cause_seq));
    if (cause !== undefined) {
      const isCall = cause.event_type === 'tool_call';
      if (this.#add(cause, 'because of', isCall ? restsOn(event) : ONE_EXCHANGE)) this.#from(cause);
    } else if (event.event_type === 'network_connect') this.#fromConnect(event);
    else this.#fromProcess(event);
    this.#words(event);
  }

  /** What went over a connection may say what it was made for. */
  #fromConnect(connect: AgentEvent): void {
    const request = this.facts.firstRequest(connect);
    const rests = `sure: it is the same socket (own port ${connect.local_port})`;
    if (!this.#add(request, 'over which went', rests)) return;
    const question = this.facts.questionOf(request);
    if (question !== undefined) this.#add(question, 'which asked a model: the agent itself,', ONE_EXCHANGE);
    else this.#from(request);
  }

  /** An event of a kind that is not joined: what is known of its process. */
  #fromProcess(event: AgentEvent): void {
    const exec = event.event_type === 'process_exec' ? undefined : this.facts.execs.get(identity(event));
    if (this.#add(exec, 'done by the process that ran', 'sure: it is the same process')) this.#from(exec);
  }

  #fromCall(call: AgentEvent): void {
    const { facts } = this;
    this.#add(facts.answers.get(Number(call.cause_seq)), 'asked for in', 'sure: the call is part of this response');
    this.#add(facts.events.get(Number(call.cause_seq)), 'which answered', ONE_EXCHANGE);
    this.#words(call);
  }

  /** Where the words of an event or a call came in. */
  #words(of: AgentEvent): void {
    const { facts } = this;
    for (const { word, seq } of tracedFor(this.#asked, of)) {
      const content = facts.events.get(seq);
      const how = `${word.startsWith('#') ? `a word (fingerprint ${word.slice(1)})` : `"${word}"`} first came in with`;
      if (!this.#add(content, how, 'likely: the same text; no earlier content of this session had it')) continue;
      const source = facts.callOf(content);
      if (this.#add(source, 'which is the result of', 'sure: it has the id of the call')) this.#fromSource(source);
    }
  }

  /** What came in as a call's result: what was done for it says from where. */
  #fromSource(call: AgentEvent): void {
    for (const deed of this.facts.deedsOf(call).slice(0, DEEDS_MAX)) this.#add(deed, 'which led to', restsOn(deed));
    this.#fromCall(call);
  }
}
