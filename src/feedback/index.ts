/** What an agent may know of its denials: the engine writes it to a file, `agentgov feedback` reads that inside the tree. */
export type { Denial } from './denial.js';
export { FeedbackFile } from './file.js';
export { HOOK_ROOM, hookOutput, readHookInput } from './hook.js';
export { type Feedback, feedbackPath, findFeedback, type Since } from './read.js';
export { feedbackText } from './words.js';
