/** The event record: what fields there are, what they mean, and what must be taken out of them. */

export { bytesOfText, textOfBytes } from './bytes.js';
export { checkEvent, type Fault } from './check.js';
export { eventsDoc } from './doc.js';
export type { Field, FieldType } from './field.js';
export {
  type AgentEvent,
  CAUSES,
  type EventDraft,
  type EventValue,
  FIELDS,
  type FieldName,
} from './fields.js';
export { type Cleaned, openRedactor, type Redactor } from './redact.js';
export { mayHoldSecret } from './secrets/cue.js';
export { credentialKeyFile } from './secrets/key.js';
export { ACTIONS, type Action, EVENT_TYPES, type EventType } from './types.js';
