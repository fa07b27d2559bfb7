import { isObject, type JsonObject } from '../json.js';
import type { Fields, Reporter } from '../report.js';
import { wholeWords } from '../secrets.js';
import { CONTENT_MAX } from './answer.js';
import type { Api, ModelRequest, Part } from './model.js';
import { APIS } from './recognise.js';

/** New pieces of content that one request may bring; more are counted in its `reason`. */
const PARTS_MAX = 1000;
/** Of a content's keyed hash, where an event refers to it. */
const FINGERPRINT = 16;

interface Piece {
  readonly part: Part;
  readonly bytes: Buffer;
  readonly hmac: string;
}

/**
 * Writes down a request to a model and the pieces of content that are new in it: a conversation is sent anew with each
 * request. `body`: what was read of it; `fault`: why that is not all.
 * @returns `seq` of the llm_request.
 */
export function reportQuestion(
  reporter: Reporter,
  api: Api,
  { body, path, cause, fault }: { body: unknown; path: string; cause: number | undefined; fault: string | undefined },
): number | undefined {
  const request = isObject(body) ? APIS[api].request(body as JsonObject, path) : undefined;
  const fresh = newPieces(reporter, request?.parts ?? []);
  const told = fresh.slice(0, PARTS_MAX);
  const unread = request === undefined ? 'its body could not be read' : undefined;
  const more = fresh.length > told.length ? `${fresh.length - told.length} pieces more are new in it` : undefined;
  const reason = fault ?? unread ?? more;
  const seq = reporter.report('llm_request', {
    provider: APIS[api].provider,
    llm_api: api,
    ...aboutRequest(reporter, request),
    tool_results: toolResults(reporter, told),
    cause_seq: cause,
    incomplete: reason === undefined ? undefined : true,
    reason,
  });
  for (const piece of told) reportPiece(reporter, piece, seq);
  return seq;
}

const aboutRequest = ({ room }: Reporter, request: ModelRequest | undefined): Fields =>
  request === undefined
    ? {}
    : {
        model: room.secrets.word(request.model),
        streamed: request.isStreamed,
        messages: request.messages,
        tools: request.tools,
      };

function toolResults({ room }: Reporter, pieces: readonly Piece[]): string[] | undefined {
  const results = pieces.filter(({ part }) => part.role === 'tool');
  if (results.length === 0) return undefined;
  return results.map(({ part, hmac }) =>
    [room.secrets.word(part.callId), hmac.slice(0, FINGERPRINT)].filter(Boolean).join(' '),
  );
}

function newPieces({ room }: Reporter, parts: readonly Part[]): Piece[] {
  const pieces: Piece[] = [];
  for (const part of parts) {
    if (part.text === '') continue;
    const bytes = Buffer.from(part.text);
    const hmac = room.redactor.hash().update(bytes).digest('hex');
    // The same text as the result of another call is another piece.
    if (room.isNew(`${part.role} ${room.secrets.word(part.callId) ?? ''} ${hmac}`)) pieces.push({ part, bytes, hmac });
  }
  return pieces;
}

function reportPiece(reporter: Reporter, { part, bytes, hmac }: Piece, cause: number | undefined): void {
  const seq = reporter.report('llm_content', {
    role: part.role,
    tool_call_id: reporter.room.secrets.word(part.callId),
    content_bytes: bytes.length,
    content_hmac: hmac,
    cause_seq: cause,
    ...contentFields(reporter, bytes),
  });
  // What the model said itself it did not get from anywhere.
  if (seq !== undefined && part.role !== 'assistant') reporter.room.joiner.origins.learn(part.text, seq);
}

function contentFields({ room }: Reporter, bytes: Buffer): Fields {
  if (!room.captureContent) return {};
  const isCut = bytes.length > CONTENT_MAX;
  const kept = bytes.toString('utf8', 0, CONTENT_MAX);
  const { text } = room.secrets.clean(isCut ? wholeWords(kept) : kept, 'script');
  return { content: text, content_cut: isCut ? true : undefined };
}
