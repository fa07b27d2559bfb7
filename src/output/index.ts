/** What people see of events: one safe line each. */
export { errnoName } from './errno.js';
export { escapeForTerminal } from './escape.js';
export { type PrettyOptions, prettyLine } from './pretty.js';
