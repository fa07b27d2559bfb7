/** The control socket: an engine serves it; `status`, `stop`, `mode` and `reload` are its clients. Documented in docs/control.md. */
export { type ControlClient, NoEngine, openControl } from './client.js';
export { listSockets, runtimeFolder, socketPath } from './paths.js';
export type { DetachResult, EngineStatus, ModeResult, ReloadResult, StopResult } from './protocol.js';
export { type ControlledEngine, type ControlServer, serveControl } from './server.js';
