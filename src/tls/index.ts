/** The plaintext of TLS connections: from its bytes to what was asked of models, and what tools they asked for. */
export type { Chunk, ConnectionEnd, Peer } from './chunk.js';
export { type ConversationOptions, Conversations } from './conversations.js';
