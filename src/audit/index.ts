// The evidence: canonical form, chained writer with its lock, verification.
export { canonical } from './canonical.js';
