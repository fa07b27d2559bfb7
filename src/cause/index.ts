/** Why: which tool call explains what a tree does, and where the words of a tool call came from. */
export { Joiner } from './joiner.js';
export { Origins } from './origins.js';
export { tellStory } from './story.js';
