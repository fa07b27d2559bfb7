// What the tests stand on: run the real CLI, read its log without its help, know what really happened.
export * from './bun.js';
export * from './go.js';
export * from './log.js';
export * from './monitored.js';
export * from './openssl11.js';
export * from './peers.js';
export * from './processes.js';
export * from './programs.js';
export * from './recall.js';
export * from './repo.js';
export * from './scratch.js';
export * from './script.js';
export * from './strace.js';
export * from './subject.js';
export * from './tls.js';
export * from './tls-exact.js';
