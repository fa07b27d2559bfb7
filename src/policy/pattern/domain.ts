import { domainToASCII } from 'node:url';
import { parseAddress } from './address.js';
import { PatternError } from './path.js';
import { coversStars, literalLength, matchesStars, type Stars } from './stars.js';

/** A host name, or a pattern of one. */
export interface DomainPattern {
  /** Lower case, ASCII, no last dot. Equal text is an equal pattern. */
  readonly text: string;
  /** The labels from the right; a leading `*.` is not among them. */
  readonly labels: readonly Stars[];
  /** `*.x`: one label or more stand before these. */
  readonly below: boolean;
  readonly exact: boolean;
  readonly literal: number;
}

/** Top-level names that nobody sells: `*.internal` is as good as a domain of one's own. */
const PRIVATE = new Set([
  'internal',
  'local',
  'localhost',
  'lan',
  'home',
  'corp',
  'intranet',
  'test',
  'example',
  'invalid',
  'private',
]);
/** Second-level names under which countries sell domains. */
const SOLD = new Set(['co', 'com', 'net', 'org', 'gov', 'edu', 'ac', 'ne', 'or', 'go']);

const LABEL = /^[a-z0-9_*]([a-z0-9_*-]{0,61}[a-z0-9_*])?$/;

function toLabels(source: string): string[] {
  const text = source.replace(/\.$/, '').toLowerCase();
  return text.split('.').map((label) => {
    const ascii = /^[\x21-\x7e]*$/.test(label) ? label : domainToASCII(label);
    if (LABEL.test(ascii)) return ascii;
    throw new PatternError(`"${source}" is no host name`);
  });
}

/** What people write instead of a host name. */
function refuse(source: string): void {
  const host = /^[a-z][a-z0-9+.-]*:\/\/([^/:?#]+)/i.exec(source)?.[1];
  if (host !== undefined) throw new PatternError(`"${source}" is a URL: write the host name "${host}"`);
  const withPort = /^([^/:]+):\d+$/.exec(source)?.[1];
  if (withPort !== undefined) throw new PatternError(`"${source}" has a port: write "${withPort}" and the key port`);
  if (parseAddress(source.replace(/^\[|\]$/g, '')) !== undefined || /^[\d.]+\/\d+$/.test(source)) {
    throw new PatternError(`"${source}" is an address: write it under destination_ip`);
  }
  if (source.includes('/')) throw new PatternError(`"${source}" has a path: rules know host names only`);
}

/** @throws PatternError when it is no host name, or so wide that it is a mistake (`*.com`). */
export function parseDomain(source: string): DomainPattern {
  refuse(source);
  if (source === '*' || source === '**') {
    throw new PatternError(`"${source}" is every host: leave destination_domain out, or use default_action`);
  }
  // `**.x` is how others write it.
  const labels = toLabels(source.replace(/^\*\*\./, '*.'));
  const below = labels[0] === '*';
  const rest = below ? labels.slice(1) : labels;
  const fixed = [...rest].reverse().findIndex((label) => label.includes('*'));
  const tail = fixed === -1 ? rest : rest.slice(rest.length - fixed);
  if (below || fixed !== -1) refuseWide(source, tail);
  return {
    text: labels.join('.'),
    labels: rest.map((label) => label.split('*')).reverse(),
    below,
    exact: !below && fixed === -1,
    literal: rest.reduce((sum, label) => sum + literalLength(label.split('*')), 0),
  };
}

function refuseWide(source: string, tail: readonly string[]): void {
  const [last = '', second = ''] = [...tail].reverse();
  const isSold = last.length === 2 && tail.length === 2 && SOLD.has(second);
  if ((tail.length >= 2 && !isSold) || (tail.length === 1 && PRIVATE.has(last))) return;
  const suffix = tail.join('.');
  throw new PatternError(
    suffix === ''
      ? `"${source}" is every host: write the domain, as "*.example.com"`
      : `"${source}" is every domain under "${suffix}": write the domain, as "*.example.${suffix}"; to forbid all of it, write "${suffix}" in a BLOCK rule`,
  );
}

/** The same name and all below it, which is how a rule that forbids reads a name. */
export const allBelow = (pattern: DomainPattern): DomainPattern => ({
  ...pattern,
  text: `*.${pattern.text}`,
  below: true,
  exact: false,
});

/** @param labels of the name, from the right, lower case. */
export function matchesDomain({ labels: wanted, below }: DomainPattern, labels: readonly string[]): boolean {
  if (below ? labels.length <= wanted.length : labels.length !== wanted.length) return false;
  return wanted.every((stars, at) => matchesStars(stars, labels[at] ?? ''));
}

/** Whether all that the narrow pattern matches is matched by the wide one (sound, not complete). */
export function coversDomain(wide: DomainPattern, narrow: DomainPattern): boolean {
  const { labels } = narrow;
  if (
    wide.below
      ? labels.length < wide.labels.length + Number(!narrow.below)
      : narrow.below || labels.length !== wide.labels.length
  ) {
    return false;
  }
  return wide.labels.every((stars, at) => coversStars(stars, labels[at] ?? ['\u0000']));
}

/** A name as an event has it, ready to be compared. */
export const domainLabels = (name: string): string[] => name.replace(/\.$/, '').toLowerCase().split('.').reverse();
