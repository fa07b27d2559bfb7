/** What of a process's TLS traffic was read, and what was not. */
export { type CoverageOptions, TlsCoverage } from './coverage.js';
export { whyBlind } from './why-blind.js';
