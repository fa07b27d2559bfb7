// The smallest additions to a policy that clear findings: exact objects, for the program that was seen, nothing wider.
import type { AgentEvent } from '../../events/index.js';
import { asksOf } from '../engine/asks.js';
import { Engine } from '../engine/engine.js';
import { quote } from '../language/quote.js';
import type { Match, Policy, Rule } from '../language/types.js';
import { parseAddress } from '../pattern/address.js';
import { literalPattern } from '../pattern/path.js';
import type { Finding } from './findings.js';

export interface Suggestion {
  readonly rules: readonly Rule[];
  /** Each rule with the finding numbers that it clears, as YAML to put under `policies`. */
  readonly yaml: string;
  /** Numbers of findings that no addition clears, with the rule that stands in the way. */
  readonly left: readonly { readonly number: number; readonly by: string }[];
}

const accessOf = (event: AgentEvent): string[] => {
  const { event_type: type, access, flags } = event;
  const opened =
    access === 'read'
      ? ['read']
      : access === 'write'
        ? ['write']
        : access === 'exec'
          ? ['exec']
          : access === 'create'
            ? []
            : ['read', 'write'];
  if (type === 'file_open')
    return Array.isArray(flags) && flags.includes('O_TRUNC') ? [...new Set([...opened, 'write'])] : opened;
  return type === 'file_create' ? ['create', ...opened] : [];
};
const BY_TYPE: Readonly<Record<string, string[]>> = {
  file_delete: ['delete'],
  file_rename: ['rename'],
  file_link: ['link'],
  file_truncate: ['write'],
  file_attr: ['attr'],
  process_exec: ['exec'],
};

/** Objects and operations of one finding; undefined where a rule could not name it. */
function matchOf({ sample, event_type: type }: Finding): Match | undefined {
  const access = BY_TYPE[type] ?? accessOf(sample);
  // As the engine compares them: with `..` taken out of what was only asked for.
  const names = [...new Set(asksOf(sample).map(({ path }) => path))];
  const paths = names.filter((name) => name !== undefined).filter((name) => /^[/@]/.test(name));
  if (access.length > 0) return paths.length === names.length ? { access, path: paths.map(literalPattern) } : undefined;
  if (type === 'tool_call') return typeof sample.tool === 'string' ? { tool: [sample.tool] } : undefined;
  if (paths.length > 0) return { event: [type], path: paths.map(literalPattern) };
  const { dest_domain: domain, dest_ip: ip, local_ip: own } = sample;
  const port = sample.dest_port ?? sample.local_port;
  const ports = typeof port === 'number' ? { port: [port] } : {};
  if (typeof domain === 'string') return { event: [type], destination_domain: [domain], ...ports };
  const address = ip ?? own;
  if (typeof address === 'string' && parseAddress(address) !== undefined) {
    return { event: [type], destination_ip: [address], ...ports };
  }
  return { event: [type] };
}

const withProgram = (match: Match, exe: string | undefined): Match =>
  exe?.startsWith('/') ? { ...match, exe: [literalPattern(exe)] } : match;

/** What two matches must share to be one rule: everything but the list of objects. */
function groupKey({ path, destination_domain: domain, destination_ip: ip, ...rest }: Match): string {
  return JSON.stringify([rest, path !== undefined, domain !== undefined, ip !== undefined]);
}

const union = (a: string[] | undefined, b: string[] | undefined): string[] =>
  [...new Set([...(a ?? []), ...(b ?? [])])].sort();

function merge(a: Match, b: Match): Match {
  return {
    ...a,
    ...(a.path && { path: union(a.path, b.path) }),
    ...(a.destination_domain && { destination_domain: union(a.destination_domain, b.destination_domain) }),
    ...(a.destination_ip && { destination_ip: union(a.destination_ip, b.destination_ip) }),
  };
}

const allows = (policy: Policy, rules: readonly Rule[], homes: readonly string[] | undefined) => {
  const document = { ...policy.document, policies: [...policy.document.policies, ...rules] };
  const engine = new Engine({ ...policy, document }, homes === undefined ? {} : { homes });
  return ({ sample, subject }: Finding) => engine.decide(sample, subject);
};

/**
 * @param all every finding of the replay; its place, from 1, is its number.
 * @param numbers those to clear, ascending.
 * @param homes as in the replay.
 */
export function suggest(
  policy: Policy,
  all: readonly Finding[],
  numbers: readonly number[],
  homes?: readonly string[],
): Suggestion {
  const chosen = numbers.flatMap((number) => {
    const finding = all[number - 1];
    return finding === undefined ? [] : [{ number, finding }];
  });
  const groups = new Map<string, { match: Match; from: number[] }>();
  for (const { number, finding } of chosen) {
    const plain = finding.verdict.by === 'rate' ? undefined : matchOf(finding);
    if (plain === undefined) continue;
    const match = withProgram(plain, finding.exe);
    const key = groupKey(match);
    const known = groups.get(key);
    groups.set(key, { match: known ? merge(known.match, match) : match, from: [...(known?.from ?? []), number] });
  }
  const taken = new Set(policy.document.policies.map(({ name }) => name));
  let count = 0;
  const nextName = (): string => {
    do count++;
    while (taken.has(`suggested_${count}`));
    return `suggested_${count}`;
  };
  const made = [...groups.values()].map(({ match, from }) => ({
    from,
    rule: { name: nextName(), match, action: 'ALLOW' } as const,
  }));
  const decide = allows(
    policy,
    made.map(({ rule }) => rule),
    homes,
  );
  const left: { number: number; by: string }[] = [];
  for (const { number, finding } of chosen) {
    const verdict = decide(finding);
    if (verdict !== undefined && verdict.action !== 'ALLOW') left.push({ number, by: verdict.name });
    else if (finding.verdict.by === 'rate') left.push({ number, by: finding.verdict.name });
  }
  // A rule that clears nothing is none to suggest.
  const uncleared = new Set(left.map(({ number }) => number));
  const useful = made.filter(({ from }) => from.some((one) => !uncleared.has(one)));
  return { rules: useful.map(({ rule }) => rule), yaml: useful.map(show).join(''), left };
}

function show({ rule, from }: { rule: Rule; from: readonly number[] }): string {
  const shown = from.length > 8 ? `${from.slice(0, 8).join(', ')} and ${from.length - 8} more` : from.join(', ');
  const match = Object.entries(rule.match).map(
    ([key, values]) => `${key}: [${(values as (string | number)[]).map(quote).join(', ')}]`,
  );
  return `  # clears ${from.length === 1 ? 'finding' : 'findings'} ${shown}
  - name: ${rule.name}
    match: {${match.join(', ')}}
    action: ${rule.action}
`;
}
