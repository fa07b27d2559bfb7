// A policy as the kernel's tables.
export { CompileError } from './bytes.js';
export { type Compiled, type CompileOptions, compilePolicy, type Table } from './compile.js';
export { type Mount, parseMounts } from './devices.js';
