/** Coding agents from npm, and a scripted model for them: one place for the evaluation and for the tests. */
export { startModel } from './model.mjs';
export { AGENTS, agentProgram, pointAgent } from './packages.mjs';
