// A policy as the kernel's tables.

export type { ClosingRule } from './closing.js';
export { type Compiled, type CompileOptions, compilePolicy, type FileId } from './compile.js';
export { type Mount, parseMounts } from './devices.js';
export { CompileError } from './error.js';
export type { Table } from './layout.js';
export type { SelfProtection } from './self-protection.js';
