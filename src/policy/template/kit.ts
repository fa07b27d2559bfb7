import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../package.js';
import { parsePolicy } from '../language/load.js';
import type { Rule } from '../language/types.js';

/** The rules of the kit that close something; the others open what every agent needs. */
const CLOSING = [
  'secrets',
  'client_credentials',
  'persistence',
  'escape_sockets',
  'cloud_metadata',
  'cloud_metadata_name',
  'other_processes',
  'governor',
];

let kit: readonly Rule[] | undefined;

/** What every template closes, and no learned rule opens: secrets, start-up files, ways out of the tree, the governor. */
export function pathKit(): readonly Rule[] {
  if (kit === undefined) {
    const file = join(PACKAGE_ROOT, 'templates', 'policies', 'generic.yaml');
    const { policies } = parsePolicy(readFileSync(file), file).document;
    kit = policies.filter(({ name }) => CLOSING.includes(name));
    if (kit.length !== CLOSING.length) throw new Error('the generic template lacks rules of the kit');
  }
  return kit;
}
