/**
 * The library: what other programs may build on. The command line is made of the same parts.
 *
 * Everything that touches the kernel needs root and the loader; reading and checking logs needs neither.
 */
export { canonical, type Verification, type VerifyOptions, verifyFile } from './audit/index.js';
export { findLoader, type KernelReport, probe } from './bpf/index.js';
export { type EngineStatus, openControl, type StopResult } from './control/index.js';
export { type MonitorOptions, monitor } from './engine/index.js';
export { AgentgovError, EXIT, type ExitCode } from './errors.js';
export { type AgentEvent, checkEvent, EVENT_TYPES, type EventValue, FIELDS } from './events/index.js';
export { VERSION } from './package.js';
export { resolveTarget, type Target } from './targets/index.js';
