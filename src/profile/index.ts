// The profile of an agent: learned from events, kept in a file, compared, and made into a policy.
export { type Drift, diffProfiles, type Gathered, gather, type ProfileDiff } from './diff.js';
export { loadProfile, parseProfile, profileText, saveProfile } from './file.js';
export { FORMATS, type Format, type Formatted, format } from './formats/index.js';
export { type Generated, generate } from './generate/generate.js';
export { Learner } from './learner.js';
export type { Entry, Profile, Session } from './model.js';
export { type Learned, learnRecordings } from './recordings.js';
export { PROFILE_SCHEMA, profileSchemaText } from './schema.js';
export { newProfile, sensitiveAs } from './sensitive.js';
export { agentsOf, assess, expectedNew, hoursOf, newByHour, type Summary, summarise } from './summary.js';
