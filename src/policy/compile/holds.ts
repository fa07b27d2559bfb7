// Which rules the kernel can hold. What it cannot is named, and never quietly left out.
import { operationsOf } from '../engine/clause.js';
import { bit, classBits, KERNEL_TOOLS } from '../language/operations.js';
import type { Rule } from '../language/types.js';

/** Operations that a hook asks about. */
export const HELD = classBits('file') | classBits('exec') | classBits('network') | classBits('system');
const TOOL = bit('tool_call');

/** Why the kernel cannot hold a rule, as the end of a sentence; undefined when it can. */
export function cannotHold(rule: Rule): string | undefined {
  const { match } = rule;
  const kernel = operationsOf(match, rule.action !== 'ALLOW') & HELD;
  if (match.intent !== undefined) return 'only a gateway knows the intent';
  if (match.event?.includes('tool_call')) return 'calls of tools are seen by a gateway only';
  if (match.event?.includes('mount') && (match.path ?? match.path_prefix) !== undefined)
    return 'a mount is asked about without its folders: leave out the path';
  const tool = match.tool?.find((name) => !Object.hasOwn(KERNEL_TOOLS, name));
  if (tool !== undefined || match.database !== undefined || kernel === 0)
    return `calls of tools${tool === undefined ? '' : ` ("${tool}")`} are seen by a gateway only`;
  return undefined;
}

/**
 * A permission for calls of tools: the kernel asks about none, so nothing changes where it is left out, and nobody has to
 * accept that.
 */
export const permitsToolsOnly = ({ action, match }: Rule): boolean =>
  action === 'ALLOW' && kernelOps(operationsOf(match, false)) === 0;

/** What of a clause's operations concerns the kernel. */
export const kernelOps = (ops: number): number => ops & HELD & ~TOOL;
