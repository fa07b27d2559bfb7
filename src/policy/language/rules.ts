// What the schema cannot say: patterns that match nothing, keys that exclude each other, names that are not unique.

import { operationsOf, portRange, saysWhat } from '../engine/clause.js';
import { parseAddress } from '../pattern/address.js';
import type { Patterns } from '../pattern/parsed.js';
import { EVERY_HOME, PatternError } from '../pattern/path.js';
import { eventBits, KEY_BITS, SELDOM_WITH_PATH } from './operations.js';
import { sinkFault } from './sinks.js';
import type { Source } from './source.js';
import type { Match, PolicyDocument, Problem, Rule } from './types.js';

type Step = string | number;
type Say = (path: readonly Step[], message: string) => void;

const PATTERNS: readonly (readonly [keyof Match, (patterns: Patterns, value: string) => unknown])[] = [
  ['path', (patterns, value) => patterns.path(value, false, EVERY_HOME)],
  ['path_prefix', (patterns, value) => patterns.path(value, true, EVERY_HOME)],
  ['exe', (patterns, value) => patterns.path(value, false, EVERY_HOME)],
  ['script', (patterns, value) => patterns.path(value, false, EVERY_HOME)],
  ['destination_domain', (patterns, value) => patterns.domain(value)],
  ['destination_ip', (patterns, value) => patterns.block(value)],
];

function checkPatterns(match: Match, patterns: Patterns, at: readonly Step[], say: Say): void {
  for (const [key, parse] of PATTERNS) {
    const values = match[key] as string[] | undefined;
    if (values === undefined) continue;
    for (const [index, value] of values.entries()) {
      try {
        parse(patterns, value);
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        say([...at, key, index], error.message);
      }
    }
  }
  for (const [index, port] of (match.port ?? []).entries()) {
    const [from, to] = portRange(port);
    if (from > to || to > 65_535)
      say([...at, 'port', index], `"${port}" is no range of ports: the lower one comes first, and 65535 is the last`);
  }
}

/** Keys that can never hold together: where, and why. */
function keyFault(rule: Rule): { path: Step[]; message: string } | undefined {
  const { match } = rule;
  if (Object.keys(match).length === 0) {
    return { path: [], message: 'this rule would match everything: that is what default_action is for' };
  }
  if (!saysWhat(match)) {
    const key = match.exe ? 'exe' : 'script';
    const advice = 'add event, access, path or another key (to forbid that it is run: access: [exec] and path)';
    return { path: [key], message: `"${key}" says who acts, not what it does: ${advice}` };
  }
  for (const key of Object.keys(KEY_BITS) as (keyof typeof KEY_BITS)[]) {
    const used = key === 'path' && !match.path && match.path_prefix ? 'path_prefix' : key;
    if (match[used] === undefined) continue;
    for (const [index, event] of (match.event ?? []).entries()) {
      const never = (eventBits(event) & KEY_BITS[key]) === 0 || (key === 'path' && SELDOM_WITH_PATH.includes(event));
      if (never)
        return { path: ['event', index], message: `"${event}" has no "${used}": this rule could never match it` };
    }
  }
  if (operationsOf(match, rule.action !== 'ALLOW') !== 0) return undefined;
  return {
    path: [],
    message: `this rule can never match: nothing that happens has all of ${Object.keys(match).join(', ')}`,
  };
}

/** Keys that say something only beside another action. */
function checkAction(rule: Rule, at: readonly Step[], say: Say): void {
  const { action } = rule;
  for (const key of ['approval_channel', 'timeout_seconds'] as const) {
    if (rule[key] !== undefined && action !== 'HUMAN_APPROVAL')
      say([...at, key], `"${key}" belongs to HUMAN_APPROVAL: this rule is ${action}`);
  }
  for (const key of ['errno', 'guidance'] as const) {
    if (rule[key] !== undefined && action === 'ALLOW' && rule.max === undefined)
      say([...at, key], `"${key}" says what a stopped agent sees: this rule is ALLOW`);
  }
  if (rule.max !== undefined && action !== 'ALLOW') {
    say(
      [...at, 'max'],
      `"max" is how often an ALLOW rule lets it through: this rule is ${action}, which is "never" without it`,
    );
  }
}

export function checkRules(document: PolicyDocument, patterns: Patterns, source: Source): Problem[] {
  const problems: Problem[] = [];
  const say: Say = (path, message) => problems.push({ ...source.at(path), message });
  const names = new Map<string, number>();
  for (const [index, rule] of document.policies.entries()) {
    const at = ['policies', index];
    const before = names.get(rule.name);
    if (before !== undefined) {
      say(
        [...at, 'name'],
        `the name "${rule.name}" is taken by the rule in line ${source.at(['policies', before, 'name']).line}`,
      );
    } else names.set(rule.name, index);
    if (rule.name.startsWith('default_action.'))
      say([...at, 'name'], 'names that begin with "default_action." are those of the defaults');
    const faults = problems.length;
    checkPatterns(rule.match, patterns, [...at, 'match'], say);
    if (problems.length === faults) {
      const fault = keyFault(rule);
      if (fault) say([...at, 'match', ...fault.path], fault.message);
    }
    checkAction(rule, at, say);
  }
  for (const [index, resolver] of (document.resolvers ?? []).entries()) {
    if (parseAddress(resolver) === undefined) say(['resolvers', index], `"${resolver}" is no address of a name server`);
  }
  for (const [key, sinks] of [
    ['alerts', document.alerts ?? []],
    ['channels', document.channels ?? {}],
  ] as const) {
    for (const [of, sink] of Object.entries(sinks)) {
      const fault = sinkFault(sink);
      if (fault !== undefined) say([key, key === 'alerts' ? Number(of) : of], fault);
    }
  }
  return problems;
}
