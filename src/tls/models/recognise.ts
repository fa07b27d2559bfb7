import { isObject, type JsonObject, listOf, objectOf, stringOf } from '../json.js';
import { ANTHROPIC } from './anthropic.js';
import { GEMINI } from './gemini.js';
import type { Api, ModelApi } from './model.js';
import { asksOllama, OLLAMA } from './ollama.js';
import { OPENAI_CHAT } from './openai-chat.js';
import { OPENAI_RESPONSES } from './openai-responses.js';

export const APIS: Readonly<Record<Api, ModelApi>> = {
  'anthropic-messages': ANTHROPIC,
  'openai-chat': OPENAI_CHAT,
  'openai-responses': OPENAI_RESPONSES,
  gemini: GEMINI,
  ollama: OLLAMA,
};

/** Ends of paths; what stands before them is a gateway's own. */
const PATHS: readonly (readonly [RegExp, Api])[] = [
  [/\/v1\/messages$/, 'anthropic-messages'],
  // Vertex AI and Bedrock carry the same body.
  [/\/anthropic\/models\/[^/]+:(?:rawPredict|streamRawPredict)$/, 'anthropic-messages'],
  [/\/model\/[^/]*anthropic[^/]*\/invoke(?:-with-response-stream)?$/, 'anthropic-messages'],
  [/\/chat\/completions$/, 'openai-chat'],
  [/\/responses$/, 'openai-responses'],
  [/:(?:generateContent|streamGenerateContent)$/, 'gemini'],
];

/** The API that a path of a POST belongs to, by its end alone. `path`: without the query. */
export const apiOfPath = (path: string): Api | undefined => PATHS.find(([end]) => end.test(path))?.[1];

const hasBlocks = (message: JsonObject): boolean =>
  listOf(message.content).some((block) =>
    /^(?:tool_use|tool_result|thinking)$/.test(stringOf(objectOf(block)?.type) ?? ''),
  );

/** Without one of these members it is written for none. */
export const BODY_NAMES = ['model', 'contents'] as const;

/** The API that a body is written for, where its path alone does not say. */
export function apiOfBody(body: JsonObject, path: string): Api | undefined {
  if (asksOllama(path, body)) return 'ollama';
  const messages = listOf(body.messages).filter(isObject);
  if (messages.length > 0 && typeof body.model === 'string') {
    if (!messages.every(({ role, content }) => typeof role === 'string' && content !== undefined)) return undefined;
    const isAnthropic = body.system !== undefined || body.anthropic_version !== undefined || messages.some(hasBlocks);
    return isAnthropic ? 'anthropic-messages' : 'openai-chat';
  }
  const contents = listOf(body.contents).filter(isObject);
  if (contents.length > 0 && contents.every(({ parts }) => Array.isArray(parts))) return 'gemini';
  // An embedding has a model and an input too, but of plain texts.
  const items = listOf(body.input).filter(isObject);
  const isResponses = items.some(({ type, role }) => typeof type === 'string' || typeof role === 'string');
  return typeof body.model === 'string' && isResponses ? 'openai-responses' : undefined;
}
