/** Why a policy, or a rule of it, has no place in the kernel: the end of a sentence that begins with its name. */
export class CompileError extends Error {}
