// Google's Gemini API: ai.google.dev/api/generate-content. Streamed, each event is such a response with what is new.
import { countOf, isObject, type JsonObject, listOf, objectOf, stringOf } from '../json.js';
import { type AnswerReader, type AnswerSink, definitionsOf, type ModelApi, type Part, wholeTool } from './model.js';

function partsOf(content: JsonObject, role: 'system' | 'user' | 'assistant'): Part[] {
  return listOf(content.parts)
    .filter(isObject)
    .map((part): Part => {
      const result = objectOf(part.functionResponse);
      if (result !== undefined)
        return { role: 'tool', text: JSON.stringify(result.response ?? {}), callId: stringOf(result.id) };
      return { role, text: stringOf(part.text) ?? '' };
    });
}

class Reader implements AnswerReader {
  constructor(private readonly sink: AnswerSink) {}

  whole(body: JsonObject): void {
    this.event(body);
    this.sink.over();
  }

  event(data: JsonObject): void {
    // Google's gateway for its own command line wraps the response once more.
    const response = objectOf(data.response) ?? data;
    this.sink.about({ id: stringOf(response.responseId), model: stringOf(response.modelVersion) });
    const error = objectOf(response.error);
    if (error !== undefined) this.sink.error(stringOf(error.status) ?? 'error');
    const usage = objectOf(response.usageMetadata);
    if (usage !== undefined) {
      this.sink.usage({
        input: countOf(usage.promptTokenCount),
        output: countOf(usage.candidatesTokenCount),
        total: countOf(usage.totalTokenCount),
        cacheRead: countOf(usage.cachedContentTokenCount),
        reasoning: countOf(usage.thoughtsTokenCount),
      });
    }
    for (const candidate of listOf(response.candidates).filter(isObject)) {
      this.sink.about({ stop: stringOf(candidate.finishReason) });
      for (const part of listOf(objectOf(candidate.content)?.parts).filter(isObject)) {
        const call = objectOf(part.functionCall);
        if (call !== undefined) wholeTool(this.sink, stringOf(call.name), stringOf(call.id), call.args);
        else if (part.thought !== true) this.sink.text(stringOf(part.text) ?? '');
      }
    }
  }
}

/** `/v1beta/models/NAME:generateContent` */
const MODEL_IN_PATH = /\/models\/([^/:?]+):/;

export const GEMINI: ModelApi = {
  provider: 'gemini',
  request: (body, path) => {
    const request = objectOf(body.request) ?? body;
    const contents = listOf(request.contents).filter(isObject);
    const tools = listOf(request.tools)
      .filter(isObject)
      .flatMap((tool) => listOf(tool.functionDeclarations));
    const system = objectOf(request.systemInstruction) ?? objectOf(request.system_instruction);
    return {
      model: MODEL_IN_PATH.exec(path)?.[1] ?? stringOf(body.model),
      isStreamed: path.includes(':streamGenerateContent'),
      messages: contents.length,
      tools: tools.length,
      parts: [
        ...(system === undefined ? [] : partsOf(system, 'system')),
        ...definitionsOf(tools),
        ...contents.flatMap((content) => partsOf(content, content.role === 'model' ? 'assistant' : 'user')),
      ],
    };
  },
  answer: (sink) => new Reader(sink),
};
