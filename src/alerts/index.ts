// Telling somebody: what a policy's `alerts` are told, when, and how.
export { Alerts } from './alerts.js';
export { alertPrograms } from './sinks.js';
