/** The loader's other end: find it, start it, speak its protocol. */
export { findLoader } from './find.js';
export { type Kept, keptAgents, removeKept } from './kept.js';
export { type Ending, type Launched, type LaunchOptions, launch } from './launch.js';
export {
  type GuardedFile,
  type Loader,
  LoaderGone,
  type LoaderOptions,
  type LoaderOutcome,
  LoaderRefusal,
  type Notice,
  startLoader,
} from './loader.js';
export { type Peer, socketPeer } from './peer.js';
export { type KernelReport, type ProbeReport, probe, type TierReport } from './probe.js';
export type { DnsMessage, Hello, Lost, Stats, TakenOver, TlsHello, TlsLibrary, TlsUnmapped } from './protocol.js';
export type { TlsSink } from './tls.js';
