/** Why: which tool call explains what a tree does, and where the words of a tool call came from. */
export type { Cause } from './basis.js';
export { textsOf } from './call.js';
export { Facts } from './facts.js';
export { Joiner } from './joiner.js';
export { Origins } from './origins.js';
export { BODY_MAX } from './request.js';
export { type Step, tellStory } from './story.js';
