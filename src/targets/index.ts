/** Who is to be governed, under which name, where its log goes, and whom it runs as. */
export { defaultLogPath, logPath, stateFolder } from './log-path.js';
export { agentIdFor, isAgentId, MAX_AGENT_ID, programNames } from './names.js';
export { ownAncestry, type ProcessInfo, readProcess } from './proc.js';
export { resolveTarget, type Target, type TargetFlags } from './resolve.js';
export { type Suspect, trustWarnings, writableBy } from './trust.js';
export { environmentOf, type Identity, invokingUser } from './user.js';
