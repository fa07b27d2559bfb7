// The evidence: canonical form, chained writer with its lock, verification.
export { canonical } from './canonical.js';
export { GENESIS, type Tip } from './chain.js';
export { checkpointsPath } from './checkpoint.js';
export { FINDINGS, type Finding, findingOf } from './findings.js';
export { LogFollower } from './follower.js';
export { type Sealed, type SealOptions, sealFile } from './foreign.js';
export { defaultKeyPath, loadKey, makeKey, readVkeys } from './keys.js';
export { findLogs, findWholeLogs, type LogFiles, logName } from './log-files.js';
export { VerifierMemory } from './memory.js';
export type { CheckpointOptions } from './notary.js';
export type { SignerKey, VerifierKey } from './note.js';
export { type Proven, type ProveOptions, proveConsistency, proveEvent, verifyProof } from './prove.js';
export { type PrunedFile, type PruneOptions, prune, RETENTION_DAYS } from './prune.js';
export { type ReadOptions, readLog } from './read-log.js';
export { readRaw } from './read-raw.js';
export { type CheckResult, isSound, type Verdict, type Verification } from './verdict.js';
export { type VerifyOptions, verifyFile, verifyLog } from './verify.js';
export { type Appended, AuditWriter, type WriterOptions } from './writer.js';
