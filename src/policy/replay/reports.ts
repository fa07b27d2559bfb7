// The result of a replay for machines: our own JSON, JUnit XML and SARIF 2.1.0.
import { escapeForTerminal } from '../../output/index.js';
import { VERSION } from '../../package.js';
import type { Verdict } from '../engine/engine.js';
import type { Finding } from './findings.js';
import type { RecordingSummary, ReplayResult } from './replay.js';
import type { Suggestion } from './suggest.js';

/** Findings in a report; what is beyond is counted. */
const MAX_REPORTED = 1000;
const MAX_EXAMPLES = 5;

/** The action that an event of a live engine would carry. */
export const outcomeOf = ({ action, mode }: Verdict): string =>
  action === 'ALLOW'
    ? 'ALLOWED'
    : mode === 'enforce'
      ? action === 'BLOCK'
        ? 'BLOCKED'
        : 'HELD'
      : action === 'BLOCK'
        ? 'WOULD_BLOCK'
        : 'WOULD_HOLD';

const WHY = {
  rule: 'the rule says so',
  default: 'no rule speaks of it',
  unnamed: 'no rule speaks of it, and the class has no default',
  rate: 'more often than the rule allows',
} as const;
export const whyOf = ({ by }: Verdict): string => WHY[by];

/** What happened, in one line without control characters. */
export function describeFinding({ event_type: type, access, object, exe }: Finding): string {
  const what = access !== undefined && type === 'file_open' ? `${type} (${access})` : type;
  return escapeForTerminal(`${what} ${object}${exe === undefined ? '' : ` by ${exe}`}`);
}

const countOf = (result: ReplayResult, action: Verdict['action']) => {
  const tallies = result.tallies.filter(({ verdict }) => verdict.action === action);
  return {
    events: tallies.reduce((sum, { events }) => sum + events, 0),
    operations: tallies.reduce((sum, { operations }) => sum + operations, 0),
    findings: result.findings.filter(({ verdict }) => verdict.action === action).length,
  };
};

export interface Counts {
  allowed: ReturnType<typeof countOf>;
  blocked: ReturnType<typeof countOf>;
  held: ReturnType<typeof countOf>;
}

export const countsOf = (result: ReplayResult): Counts => ({
  allowed: countOf(result, 'ALLOW'),
  blocked: countOf(result, 'BLOCK'),
  held: countOf(result, 'HUMAN_APPROVAL'),
});

const findingJson = (finding: Finding, number: number): object => ({
  number,
  rule: finding.verdict.name,
  by: finding.verdict.by,
  action: finding.verdict.action,
  outcome: outcomeOf(finding.verdict),
  class: finding.verdict.class,
  event_type: finding.event_type,
  ...(finding.access !== undefined && { access: finding.access }),
  object: finding.object,
  ...(finding.exe !== undefined && { exe: finding.exe }),
  events: finding.events,
  operations: finding.operations,
  first: finding.first,
});

const recordingJson = ({ file, events, skipped, verification }: RecordingSummary): object => ({
  file,
  events,
  skipped,
  verdict: verification?.verdict ?? 'unverified',
  events_lost: verification?.events_lost ?? null,
});

/** The JSON document of `replay --json`; docs/replay.md describes its keys. */
export function toJson(result: ReplayResult, failedOn: readonly string[], suggestion?: Suggestion): object {
  const { policy, findings, tallies } = result;
  const numbers = new Map(findings.map((finding, index) => [finding, index + 1]));
  const used = new Set(tallies.map(({ verdict }) => verdict.rule));
  return {
    policy: { file: policy.file, sha256: policy.sha256, mode: policy.document.mode ?? 'audit' },
    recordings: result.recordings.map(recordingJson),
    events: result.events,
    decided: result.decided,
    ...countsOf(result),
    failed: result.failed,
    unresolved: result.unresolved,
    other_agents: result.otherAgents,
    rules: tallies.map(({ verdict, events, operations }) => ({
      rule: verdict.name,
      by: verdict.by,
      class: verdict.class,
      action: verdict.action,
      outcome: outcomeOf(verdict),
      events,
      operations,
      first: findings
        .filter((finding) => finding.verdict === verdict)
        .sort((a, b) => a.first.line - b.first.line)
        .slice(0, MAX_EXAMPLES)
        .map((finding) => ({ number: numbers.get(finding), object: finding.object, ...finding.first })),
    })),
    unused_rules: policy.document.policies.filter((_, index) => !used.has(index)).map(({ name }) => name),
    findings: findings.slice(0, MAX_REPORTED).map((finding, index) => findingJson(finding, index + 1)),
    findings_cut: Math.max(0, findings.length - MAX_REPORTED) + result.findingsCut,
    events_per_second: result.seconds > 0 ? Math.round(result.events / result.seconds) : 0,
    failed_on: failedOn,
    ...(suggestion && {
      suggestion: {
        yaml: suggestion.yaml,
        not_cleared: suggestion.left,
      },
    }),
  };
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** Safe inside an attribute and an element: escaped, and without the characters that XML forbids. */
const xml = (text: string): string => escapeForTerminal(text).replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);

/** One test case for each rule and default that decided or could have; a rule that stops something fails. */
export function toJunit(result: ReplayResult): string {
  const byRule = new Map<string, Finding[]>();
  for (const finding of result.findings)
    byRule.set(finding.verdict.name, [...(byRule.get(finding.verdict.name) ?? []), finding]);
  const names = new Set([
    ...result.policy.document.policies.map(({ name }) => name),
    ...result.tallies.map(({ verdict }) => verdict.name),
  ]);
  let failures = 0;
  const cases = [...names].map((name) => {
    const open = `<testcase classname="${xml(result.policy.file)}" name="${xml(name)}"`;
    const findings = byRule.get(name) ?? [];
    if (findings.length === 0) return `    ${open}/>`;
    failures++;
    const events = findings.reduce((sum, finding) => sum + finding.events, 0);
    const outcomes = [...new Set(findings.map(({ verdict }) => outcomeOf(verdict)))].join(', ');
    const lines = findings
      .slice(0, 20)
      .map(
        (finding) =>
          `${finding.first.file}:${finding.first.line}: ${outcomeOf(finding.verdict)} ${describeFinding(finding)}`,
      );
    const body = xml(lines.join('\u2028')).replaceAll('\\u{2028}', '\n');
    return `    ${open}>\n      <failure type="${outcomes}" message="${outcomes}: ${findings.length} different things in ${events} events">${body}</failure>\n    </testcase>`;
  });
  const counts = `tests="${names.size}" failures="${failures}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites ${counts}>
  <testsuite name="agentgov replay" ${counts} time="${result.seconds.toFixed(3)}">
${cases.join('\n')}
  </testsuite>
</testsuites>
`;
}

/** A path as the relative or absolute URI reference that SARIF asks for. */
const uri = (path: string): string =>
  (path.startsWith('/') ? 'file://' : '') + path.split('/').map(encodeURIComponent).join('/');

/** SARIF 2.1.0: one result for each finding, at its first line in the recording. */
export function toSarif(result: ReplayResult): object {
  const { policy, findings } = result;
  const names = [...new Set(findings.map(({ verdict }) => verdict.name))];
  const rules = names.map((name) => {
    const index = policy.document.policies.findIndex((rule) => rule.name === name);
    const guidance = policy.document.policies[index]?.guidance;
    return {
      id: name,
      shortDescription: { text: index === -1 ? `${name}: what no rule speaks of` : `rule ${name}` },
      ...(guidance !== undefined && { help: { text: guidance } }),
    };
  });
  const location = (path: string, line: number): object => ({
    physicalLocation: { artifactLocation: { uri: uri(path) }, region: { startLine: line } },
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'agentgov', version: VERSION, rules } },
        results: findings.slice(0, MAX_REPORTED).map((finding) => {
          const { verdict, first } = finding;
          const position = verdict.rule === undefined ? undefined : policy.positions[verdict.rule];
          return {
            ruleId: verdict.name,
            ruleIndex: names.indexOf(verdict.name),
            level: verdict.action === 'BLOCK' ? 'error' : 'warning',
            message: { text: `${outcomeOf(verdict)}: ${describeFinding(finding)} (${whyOf(verdict)})` },
            locations: [location(first.file, first.line)],
            ...(position && {
              relatedLocations: [{ id: 1, ...location(policy.file, position.line), message: { text: 'the rule' } }],
            }),
            occurrenceCount: finding.events,
          };
        }),
      },
    ],
  };
}
