// Fields of what was read in plaintext; src/events/fields.ts has them all.
import { type Field, HEX64 } from './field.js';
import type { EventType } from './types.js';

/** What was read in the plaintext of a connection. */
const HTTP = ['http_request', 'http_response'] as const satisfies EventType[];
const MODEL = ['llm_request', 'llm_response'] as const satisfies EventType[];
const TOOL = ['tool_call', 'mcp_request', 'mcp_response'] as const satisfies EventType[];
const CONTENT = [...HTTP, 'llm_response', 'llm_content', 'mcp_response'] as const satisfies EventType[];
export const CONVERSATION = [
  ...HTTP,
  ...MODEL,
  ...TOOL,
  'llm_content',
  'conversation_gap',
] as const satisfies EventType[];

export const CONVERSATION_FIELDS = {
  connection: {
    type: 'string',
    meaning: 'one connection of one process; never used again for another',
    on: CONVERSATION,
  },
  server_name: {
    type: 'string',
    format: 'host name',
    meaning: 'the server that the client asked for when the connection was made (SNI)',
    on: CONVERSATION,
    agentText: 'words',
  },
  unencrypted: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'the connection is plain HTTP, without TLS',
    on: CONVERSATION,
  },
  joined_midway: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'capture began in the middle of this connection: what came before is not known, and nothing is guessed',
    on: CONVERSATION,
  },
  incomplete: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'not all of it was seen, or it could not be read (`reason`)',
    on: CONVERSATION,
  },
  direction: {
    type: 'string',
    format: '`in` `out`',
    pattern: /^(?:in|out)$/,
    meaning: 'whether the process read or wrote these bytes',
    on: ['conversation_gap'],
  },
  missing_bytes: {
    type: 'integer',
    format: 'bytes',
    meaning: 'how many bytes of plaintext were not captured or not understood',
    on: ['conversation_gap'],
  },
  http_method: {
    type: 'string',
    format: '`POST`',
    meaning: 'method of the request',
    on: HTTP,
    agentText: 'words',
  },
  http_host: {
    type: 'string',
    meaning: 'the host that the request names (Host, :authority)',
    on: HTTP,
    agentText: 'words',
  },
  http_path: {
    type: 'string',
    format: 'at most 4,096 characters',
    meaning: 'path and query of the request, as they were sent',
    on: HTTP,
    agentText: 'words',
  },
  http_version: { type: 'string', format: '`1.0` `1.1` `2`', meaning: 'version of HTTP', on: HTTP },
  http_status: {
    type: 'integer',
    format: '100 to 599',
    meaning: 'status of the response',
    on: [...HTTP, 'llm_response'],
  },
  content_type: {
    type: 'string',
    meaning: 'kind of the content, as its sender says',
    on: HTTP,
    agentText: 'words',
  },
  content_encoding: {
    type: 'string',
    format: '`gzip`',
    meaning: 'how the content was packed',
    on: HTTP,
    agentText: 'words',
  },
  content_bytes: {
    type: 'integer',
    format: 'bytes',
    meaning: 'size of the content: of a body as it was transferred, of a text in UTF-8',
    on: CONTENT,
  },
  content_hmac: {
    type: 'string',
    format: '64 hex digits',
    pattern: HEX64,
    meaning:
      'keyed hash of the whole content (HMAC-SHA256 with a key of this installation): the same content has the same one everywhere on it',
    on: CONTENT,
  },
  content: {
    type: 'string',
    meaning: 'the content itself, without secrets; only with `--capture-content`',
    on: ['llm_response', 'llm_content'],
    agentText: 'script',
  },
  content_cut: {
    type: 'boolean',
    format: 'only `true`',
    meaning: '`content` holds the beginning only',
    on: ['llm_response', 'llm_content'],
  },
  role: {
    type: 'string',
    format: '`system` `user` `assistant` `tool` `tool_definition`',
    pattern: /^(?:system|user|assistant|tool|tool_definition)$/,
    meaning: 'as what the model was given it',
    on: ['llm_content'],
  },
  provider: {
    type: 'string',
    format: '`anthropic` `openai` `gemini` `ollama`',
    meaning: 'whose API is spoken; who answers is `http_host` or `dest_domain`',
    on: [...MODEL, 'tool_call'],
  },
  llm_api: {
    type: 'string',
    format: '`anthropic-messages` `openai-chat` `openai-responses` `gemini` `ollama`',
    meaning: 'which of its APIs',
    on: [...MODEL, 'tool_call'],
  },
  model: {
    type: 'string',
    meaning: 'the model that was asked for, or that answered',
    on: MODEL,
    agentText: 'words',
  },
  response_id: {
    type: 'string',
    meaning: "the API's own id of the response",
    on: ['llm_response'],
    agentText: 'words',
  },
  streamed: {
    type: 'boolean',
    meaning: 'whether the response is, or was asked to be, a stream of events',
    on: MODEL,
  },
  messages: { type: 'integer', meaning: 'messages that the model was given', on: ['llm_request'] },
  tools: { type: 'integer', meaning: 'tools that it was offered', on: ['llm_request'] },
  tool_results: {
    type: 'strings',
    format: '`ID FINGERPRINT`',
    meaning:
      'results of tools that are new in this request: id of the call (where it has one) and the first 16 digits of the `content_hmac` of its `llm_content`',
    on: ['llm_request'],
    agentText: 'words',
  },
  tool_calls: { type: 'integer', meaning: 'tools that the model asked for', on: ['llm_response'] },
  stop_reason: {
    type: 'string',
    format: "the API's own word",
    meaning: 'why the model stopped',
    on: ['llm_response'],
    agentText: 'words',
  },
  error_type: {
    type: 'string',
    format: "the API's own word",
    meaning: 'the error that it answered with',
    on: ['llm_response', 'mcp_response'],
    agentText: 'words',
  },
  input_tokens: { type: 'integer', format: 'tokens', meaning: 'input, as the API counts it', on: ['llm_response'] },
  output_tokens: { type: 'integer', format: 'tokens', meaning: 'output, as the API counts it', on: ['llm_response'] },
  cache_read_tokens: {
    type: 'integer',
    format: 'tokens',
    meaning: 'input that came from a cache',
    on: ['llm_response'],
  },
  cache_write_tokens: {
    type: 'integer',
    format: 'tokens',
    meaning: 'input that went into a cache',
    on: ['llm_response'],
  },
  reasoning_tokens: {
    type: 'integer',
    format: 'tokens',
    meaning: 'output that nobody is shown',
    on: ['llm_response'],
  },
  total_tokens: {
    type: 'integer',
    format: 'tokens',
    meaning: 'the sum, where the API reports one',
    on: ['llm_response'],
  },
  tool: { type: 'string', meaning: 'name of the tool', on: TOOL, agentText: 'words' },
  tool_call_id: {
    type: 'string',
    meaning: 'id of the call, as the model or the client gave it',
    on: [...TOOL, 'llm_content'],
    agentText: 'words',
  },
  arguments: {
    type: 'string',
    format: 'JSON, or a text; at most 4,096 bytes',
    meaning: 'what the tool is called with, without secrets; not with `--no-tool-args`',
    on: ['tool_call', 'mcp_request'],
    agentText: 'script',
  },
  arguments_cut: {
    type: 'boolean',
    format: 'only `true`',
    meaning: '`arguments` holds the beginning only',
    on: ['tool_call', 'mcp_request'],
  },
  arguments_bytes: {
    type: 'integer',
    format: 'bytes',
    meaning: 'size of the whole arguments, as they were sent',
    on: ['tool_call', 'mcp_request'],
  },
  arguments_hmac: {
    type: 'string',
    format: '64 hex digits',
    pattern: HEX64,
    meaning: 'keyed hash of the whole arguments, as `content_hmac`',
    on: ['tool_call', 'mcp_request'],
  },
  words_from: {
    type: 'strings',
    format: '`WORD SEQ`',
    meaning:
      'hosts, paths, addresses and the like in its arguments (of a connection that no call explains: its address), and the `llm_content` in which each first came in (at most 16); with `--no-tool-args` `#` and a keyed fingerprint in place of the word',
    on: ['tool_call', 'network_connect'],
    agentText: 'words',
  },
  words_cut: {
    type: 'boolean',
    format: 'only `true`',
    meaning: 'there may be more: it has more such words, or the session has had more than are remembered (200,000)',
    on: ['tool_call'],
  },
  mcp_method: {
    type: 'string',
    format: '`tools/call`',
    meaning: 'what the MCP server was asked to do',
    on: ['mcp_request', 'mcp_response'],
    agentText: 'words',
  },
} as const satisfies Record<string, Field>;

/** How much of a process's traffic that was. */
export const COVERAGE_FIELDS = {
  coverage: {
    type: 'string',
    format: '`read` `partial` `blind`',
    pattern: /^(?:read|partial|blind)$/,
    meaning: 'whether the plaintext of the process was read: all that its sockets carried, less than that, or nothing',
    on: ['tls_coverage'],
  },
  tls_libraries: {
    type: 'strings',
    format: '`openssl` `gnutls` `boringssl` `go`',
    meaning: 'TLS libraries of the process that are read',
    on: ['tls_coverage'],
  },
  library_paths: {
    type: 'strings',
    meaning: 'their files, in the same order; a program may have its library inside',
    on: ['tls_coverage'],
    agentText: 'path',
  },
  libraries_found_by: {
    type: 'strings',
    format: '`symbols` `errors` `pclntab`',
    meaning:
      'how their functions were found, in the same order: by their names, by the errors that they report, or in the table of functions that Go keeps',
    on: ['tls_coverage'],
  },
  tls_connections: {
    type: 'integer',
    meaning:
      'connections of the process to a TLS port (443, 8443), to where TLS was seen to go, or that begin as TLS does',
    on: ['tls_coverage'],
  },
  tls_joined: {
    type: 'integer',
    meaning: 'connections that were read from their middle: what went before is missing',
    on: ['tls_coverage'],
  },
  plaintext_in: { type: 'integer', format: 'bytes', meaning: 'plaintext that it read', on: ['tls_coverage'] },
  plaintext_out: { type: 'integer', format: 'bytes', meaning: 'plaintext that it wrote', on: ['tls_coverage'] },
  ciphertext_in: {
    type: 'integer',
    format: 'bytes',
    meaning: 'payload that those of the connections received that have ended',
    on: ['tls_coverage'],
  },
  ciphertext_out: {
    type: 'integer',
    format: 'bytes',
    meaning: 'payload that they sent',
    on: ['tls_coverage'],
  },
} as const satisfies Record<string, Field>;
