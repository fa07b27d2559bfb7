// Where the rules over hosts lead, for formats that know addresses only.
import { type Block, blockText, parseAddress } from '../../policy/index.js';
import { type Notes, objectText } from './notes.js';
import type { Line, Source } from './source.js';

const whole = (bytes: string): Block => ({ bytes, bits: bytes.length * 8 });
export const EVERYWHERE: readonly Block[] = [
  { bytes: '\u0000'.repeat(4), bits: 0 },
  { bytes: '\u0000'.repeat(16), bits: 0 },
];

/** The blocks of a line; the addresses that were seen, where it is a name, which is said. */
export function blocksOf(line: Line, addresses: Source['seen']['addresses'], notes: Notes): readonly Block[] {
  const { object } = line;
  if (object === undefined) return EVERYWHERE;
  if ('block' in object) return [object.block];
  const name = objectText(line);
  const seen = (addresses.get(name) ?? []).flatMap((text) => parseAddress(text) ?? []).map(whole);
  if (seen.length === 0)
    notes.add('not expressed', 'network', 'no address is known for the name: it stays closed', line, name);
  else
    notes.add(
      'wider',
      'network',
      'names are written as the addresses that they had, whoever else answers there; a name that moves is closed',
      line,
      `${name}: ${seen.map(blockText).join(' ')}`,
    );
  return seen;
}

/** With its prefix, also where it is one address. */
export const cidr = (block: Block): string => `${blockText(whole(block.bytes))}/${block.bits}`;
