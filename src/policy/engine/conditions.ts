import type { Ask } from '../language/operations.js';
import { type AddressBytes, inBlock } from '../pattern/address.js';
import { matchesWords } from '../pattern/words.js';
import type { Clause, Programs } from './clause.js';

/** What is known of one operation beside its object. Absent is unknown, and unknown matches nothing. */
export interface Circumstances {
  readonly port: number | undefined;
  readonly protocol: string | undefined;
  readonly address: AddressBytes | undefined;
  readonly tool: string | undefined;
  readonly database: string | undefined;
  readonly intent: string | undefined;
  /** Of the file that is run: whether the tree has written it. */
  readonly written: boolean;
  /** Whether the acting process is one of these programs. */
  isExe(programs: Programs): boolean;
  isScript(programs: Programs): boolean;
}

/** Whether a clause whose object fits decides on this operation. */
export function holds(clause: Clause, ask: Ask, of: Circumstances): boolean {
  if ((clause.ops & (clause.forbids ? ask.forbid : ask.permit)) === 0) return false;
  if (clause.exe !== undefined && !of.isExe(clause.exe)) return false;
  if (clause.script !== undefined && !of.isScript(clause.script)) return false;
  if (clause.written !== undefined && clause.written !== of.written) return false;
  const { ports, protocols, blocks, tools, databases, intents } = clause;
  if (ports !== undefined) {
    const { port } = of;
    if (port === undefined || !ports.some(([from, to]) => from <= port && port <= to)) return false;
  }
  if (protocols !== undefined && (of.protocol === undefined || !protocols.includes(of.protocol))) return false;
  if (blocks !== undefined) {
    const { address } = of;
    if (address === undefined || !blocks.some((block) => inBlock(block, address))) return false;
  }
  // A tool's name decides on calls of tools alone: in the kernel it has become operations.
  if (tools !== undefined && ask.class === 'tool' && (of.tool === undefined || !matchesWords(tools, of.tool)))
    return false;
  if (databases !== undefined && (of.database === undefined || !matchesWords(databases, of.database))) return false;
  return intents === undefined || (of.intent !== undefined && matchesWords(intents, of.intent));
}
