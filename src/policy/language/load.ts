import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { usageError } from '../../errors.js';
import { Patterns } from '../pattern/parsed.js';
import { PolicyError } from './error.js';
import { checkReach } from './reach.js';
import { checkRules } from './rules.js';
import { checkShape } from './shape.js';
import { readSource } from './source.js';
import type { Policy, PolicyClass, PolicyDocument, Problem } from './types.js';

/** Room for some 40,000 rules; more would be a mistake in the path. */
export const MAX_POLICY_BYTES = 8 * 2 ** 20;

/** Whatever `path` is (a pipe, a device), no more than one byte too many of it is read. */
async function readBounded(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(MAX_POLICY_BYTES + 1);
      let filled = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, null);
        filled += bytesRead;
        if (bytesRead === 0 || filled === buffer.length) return buffer.subarray(0, filled);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw usageError(
      `cannot read the policy ${path} (${code}): give the path of a policy file that you may read`,
      error,
    );
  }
}

/**
 * Loads a policy file strictly.
 *
 * @throws PolicyError (exit 2) with every fault and its place; AgentgovError (exit 2) when the file cannot be read.
 */
export async function loadPolicy(path: string): Promise<Policy> {
  return parsePolicy(await readBounded(path), path);
}

/** The same for bytes that are at hand; `file` is what messages call them. */
export function parsePolicy(bytes: Buffer, file: string): Policy {
  const fail = (problems: readonly Problem[]): never => {
    throw new PolicyError(
      file,
      [...problems].sort((a, b) => a.line - b.line || a.column - b.column),
    );
  };
  if (bytes.length > MAX_POLICY_BYTES) {
    fail([{ line: 1, column: 1, message: `it is larger than ${MAX_POLICY_BYTES} bytes: that is no policy` }]);
  }
  const source = readSource(decode(bytes, fail));
  if (source.problems.length > 0) fail(source.problems);
  if (source.value === null || source.value === undefined) {
    fail([{ line: 1, column: 1, message: 'the file is empty; agentgov init writes a policy to begin with' }]);
  }
  const shape = checkShape(source);
  if (shape.length > 0) fail(shape);
  const document = source.value as PolicyDocument;
  const patterns = new Patterns();
  const rules = checkRules(document, patterns, source);
  if (rules.length > 0) fail(rules);
  const reach = checkReach({ document, patterns }, source);
  if (reach.problems.length > 0) fail(reach.problems);
  return {
    file,
    document,
    patterns,
    clauses: reach.clauses,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    positions: document.policies.map((_, index) => source.at(['policies', index, 'name'])),
    notes: [
      ...unnamed(document).map((message) => ({ ...source.atKey([], 'default_action'), message })),
      ...reach.notes,
    ],
  };
}

function decode(bytes: Buffer, fail: (problems: readonly Problem[]) => never): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // The place of the first byte that is not UTF-8: before it, decoding and encoding give the same bytes.
    const again = Buffer.from(bytes.toString('utf8'), 'utf8');
    const limit = Math.min(again.length, bytes.length);
    let at = 0;
    while (at < limit && again[at] === bytes[at]) at++;
    const before = bytes.subarray(0, at).toString('utf8').split('\n');
    return fail([{ line: before.length, column: (before.at(-1) ?? '').length + 1, message: 'this is not UTF-8 text' }]);
  }
}

const CLASSES: readonly PolicyClass[] = ['file', 'exec', 'network', 'tool'];

/** A class without a default is allowed; that must not go unsaid. */
function unnamed({ default_action: defaults = {} }: PolicyDocument): string[] {
  const missing = CLASSES.filter((of) => defaults[of] === undefined);
  return missing.length === 0
    ? []
    : [`default_action does not name ${missing.join(', ')}: what no rule speaks of there is ALLOW`];
}
