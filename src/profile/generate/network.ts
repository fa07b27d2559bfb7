// Rules for the network and for tools: hosts by name where one is known, always exact, for the programs that were seen.
import { literalPattern, type Match, PatternError, parseAddress, parseDomain } from '../../policy/index.js';
import type { Verb } from '../verbs.js';
import type { Evidence } from './evidence.js';
import type { Ruled } from './files.js';
import { type Context, type Made, often, oftenAll, runsOf, sectionOf } from './made.js';
import { groupBy, SEVERAL, spellable } from './paths.js';

/** Ports that the kernel gives out by itself (net.ipv4.ip_local_port_range begins with 32768). */
const GIVEN_PORTS = 32_768;

const isDomain = (name: string): boolean => {
  try {
    return parseDomain(name).exact;
  } catch (error) {
    if (error instanceof PatternError) return false;
    throw error;
  }
};

type Host = Pick<Match, 'destination_domain' | 'destination_ip' | 'protocol'>;

const ANY = [parseAddress('0.0.0.0'), parseAddress('::')];
const LOCAL = ['127.0.0.1', '::1'];

/** The kernel takes "any address" as a destination for the loopback, and so do the rules. */
function addressOf(ip: string, reaches: boolean): string | undefined {
  const bytes = parseAddress(ip);
  if (bytes === undefined) return undefined;
  const plain = bytes.length === 4 ? [...bytes].map((char) => char.charCodeAt(0)).join('.') : ip.toLowerCase();
  return reaches ? (LOCAL[ANY.indexOf(bytes)] ?? plain) : plain;
}

const reachesOut = (verb: Verb): boolean => verb === 'network_connect' || verb === 'network_send';

/** The hosts that stand for one piece of evidence; none where no rule can name them. */
export function hostsOf({ verb, target, addresses }: Evidence): Host[] {
  const { domain, ip, protocol } = target;
  if (domain !== undefined) {
    const name = domain.toLowerCase().replace(/\.$/, '');
    if (isDomain(name)) return [{ destination_domain: [name] }];
    const all = [...addresses].map((address) => addressOf(address, reachesOut(verb)));
    return all.flatMap((address) => (address === undefined ? [] : [{ destination_ip: [address] }]));
  }
  const address = ip === undefined ? undefined : addressOf(ip, reachesOut(verb));
  if (address !== undefined) return [{ destination_ip: [address] }];
  return ip === undefined && protocol !== undefined && /^[a-z0-9-]{1,32}$/.test(protocol)
    ? [{ protocol: [protocol] }]
    : [];
}

/** Programs as a condition; none where one of them is not known. */
export function exeOf(programs: Iterable<string | undefined>): Pick<Match, 'exe'> {
  const all = [...programs];
  const known = all.filter((exe) => exe?.startsWith('/') && spellable(exe)) as string[];
  return known.length === all.length && known.length > 0 ? { exe: known.sort().map(literalPattern) } : {};
}

const isLoopback = ({ destination_ip: [ip = ''] = [], destination_domain: [name = ''] = [] }: Host): boolean =>
  ip.startsWith('127.') || ip === '::1' || name === 'localhost';

/** Ports as they were seen; several that the kernel gave out are all of these. */
function portsOf(evidence: readonly Evidence[], host: Host, verb: Verb): Pick<Match, 'port'> {
  const ports = [...new Set(evidence.map(({ target }) => target.port))];
  if (ports.includes(undefined)) return {};
  const numbers = (ports as number[]).sort((a, b) => a - b);
  const given = numbers.filter((port) => port >= GIVEN_PORTS);
  if (given.length < SEVERAL || (reachesOut(verb) && !isLoopback(host))) return { port: numbers };
  return { port: [...numbers.filter((port) => port < GIVEN_PORTS), `${GIVEN_PORTS}-65535`] };
}

export function networkRules(evidence: readonly Evidence[], context: Context): Ruled {
  const left: Evidence[] = [];
  const parts: { host: Host; evidence: Evidence }[] = [];
  for (const one of evidence) {
    const hosts = hostsOf(one);
    if (hosts.length === 0) left.push(one);
    for (const host of hosts) parts.push({ host, evidence: one });
  }
  const keyOf = ({ host, evidence: { verb } }: (typeof parts)[number]): string =>
    `${reachesOut(verb)} ${JSON.stringify(host)}`;
  const made = [...groupBy(parts, keyOf).values()].map((group): Made => {
    const [{ host, evidence: first }] = group as [(typeof group)[number]];
    const all = group.map((part) => part.evidence);
    const [name = ''] = host.destination_domain ?? host.destination_ip ?? host.protocol ?? [];
    return {
      section: sectionOf(runsOf(all), context),
      rule: {
        name: context.names.next(`${reachesOut(first.verb) ? 'reach' : 'serve'} ${name}`),
        match: {
          event: [...new Set(all.map(({ verb }) => verb))].sort(),
          ...host,
          ...(host.protocol === undefined && portsOf(all, host, first.verb)),
          ...exeOf(new Set(all.flatMap(({ programs }) => [...programs]))),
        },
        action: 'ALLOW',
      },
      why: oftenAll(all),
      notes: new Map(),
    };
  });
  return { made, left };
}

/** Calls of tools, by name. The event is named as well: some tool names mean operations of the kernel, too. */
export function toolRules(evidence: readonly Evidence[], context: Context): Ruled {
  const isPlain = ({ target: { tool = '' } }: Evidence): boolean =>
    tool !== '' && tool.length <= 256 && spellable(tool) && !/[*\\]/.test(tool);
  const made = [...groupBy(evidence.filter(isPlain), ({ runs }) => sectionOf(runs, context)).values()].map(
    (group): Made => ({
      section: sectionOf((group as [Evidence, ...Evidence[]])[0].runs, context),
      rule: {
        name: context.names.next('tools'),
        match: { event: ['tool_call'], tool: group.map(({ target }) => target.tool ?? '') },
        action: 'ALLOW',
      },
      why: oftenAll(group),
      notes: new Map(group.map((one) => [one.target.tool ?? '', often(one)])),
    }),
  );
  return { made, left: evidence.filter((one) => !isPlain(one)) };
}

/** What has no class in `default_action`: allowed for the programs that did it. */
export function systemRules(evidence: readonly Evidence[], context: Context): Ruled {
  const made = evidence.map(
    (one): Made => ({
      section: sectionOf(one.runs, context),
      rule: {
        name: context.names.next(one.verb),
        match: { event: [one.verb], ...exeOf(one.programs) },
        action: 'ALLOW',
      },
      why: often(one),
      notes: new Map(),
    }),
  );
  return { made, left: [] };
}
