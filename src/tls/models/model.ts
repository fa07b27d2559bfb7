import type { Content } from '../content.js';
import { type JsonObject, listOf, stringOf } from '../json.js';

export type Api = 'anthropic-messages' | 'openai-chat' | 'openai-responses' | 'gemini' | 'ollama';

/** Who reads a part: a definition of a tool is read by the model like everything else. */
export type PartRole = 'system' | 'user' | 'assistant' | 'tool' | 'tool_definition';

/** A piece of what a model was given. */
export interface Part {
  readonly role: PartRole;
  readonly text: string;
  /** The tool call whose result it is. */
  readonly callId?: string | undefined;
}

export interface ModelRequest {
  readonly model: string | undefined;
  readonly isStreamed: boolean | undefined;
  readonly messages: number;
  readonly tools: number;
  readonly parts: readonly Part[];
}

/** Tokens as the API counts them; each API has its own idea of what `input` includes (docs/conversations.md). */
export interface Usage {
  input?: number | undefined;
  output?: number | undefined;
  cacheRead?: number | undefined;
  cacheWrite?: number | undefined;
  reasoning?: number | undefined;
  total?: number | undefined;
}

/** What an API's reader makes of a response. */
export interface AnswerSink {
  /** Told as soon as it is known; the last word counts. */
  about(facts: { id?: string | undefined; model?: string | undefined; stop?: string | undefined }): void;
  usage(usage: Usage): void;
  error(type: string): void;
  /** Text that the model wrote, in order. */
  text(text: string): void;
  /** A tool call begins; its arguments (JSON, or a text) are pushed into what this returns. */
  tool(name: string, id: string | undefined): OpenTool | undefined;
  /** All of its arguments are there. */
  toolEnd(tool: OpenTool): void;
  /** The model has said all that it will. */
  over(): void;
}

export interface OpenTool {
  readonly name: string;
  readonly id: string | undefined;
  readonly arguments: Content;
}

/** Reads the responses of one API, each with a reader of its own. */
export interface AnswerReader {
  /** An event of a stream. */
  event(data: JsonObject): void;
  /** A response that is not streamed. */
  whole(body: JsonObject): void;
}

export interface ModelApi {
  readonly provider: string;
  request(body: JsonObject, path: string): ModelRequest;
  answer(sink: AnswerSink): AnswerReader;
}

/** Definitions of tools, which the model reads like everything else. */
export const definitionsOf = (tools: readonly unknown[]): Part[] =>
  tools.map((tool) => ({ role: 'tool_definition', text: JSON.stringify(tool) }));

/** What the bodies of most of the APIs have in common. The model reads the parts `before` and `after` its tools' definitions. */
export const requestOf = (
  body: JsonObject,
  messages: number,
  { before = [], after }: { before?: readonly Part[]; after: readonly Part[] },
): ModelRequest => {
  const tools = listOf(body.tools);
  return {
    model: stringOf(body.model),
    isStreamed: body.stream === true,
    messages,
    tools: tools.length,
    parts: [...before, ...definitionsOf(tools), ...after],
  };
};

/** Gives a tool call whose arguments are there at once. */
export function wholeTool(sink: AnswerSink, name: string | undefined, id: string | undefined, args: unknown): void {
  const tool = sink.tool(name ?? '', id);
  if (tool === undefined) return;
  tool.arguments.push(Buffer.from(typeof args === 'string' ? args : JSON.stringify(args ?? {})));
  sink.toolEnd(tool);
}
