import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { AuditWriter, canonical } from '../../../src/audit/index.js';
import { main } from '../../../src/cli.js';
import type { AgentEvent } from '../../../src/events/index.js';
import { parsePolicy, type ReplayResult, replay, suggest } from '../../../src/policy/index.js';
import { type Fields, sha256, ZEROS } from '../audit/logs.js';

const folder = mkdtempSync(join(tmpdir(), 'agentgov-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
/** A log whose chain holds. */
function record(events: Fields[], tail = ''): string {
  const file = join(folder, `audit-${made++}.jsonl`);
  let prev = ZEROS;
  const lines = events.map((fields, index) => {
    const body = {
      action: 'OBSERVED',
      agent_id: 'a',
      timestamp: '2026-04-14T09:23:01.234Z',
      pid: 7,
      start_us: 1,
      ...fields,
      seq: index + 1,
      hash_prev: prev,
    };
    prev = sha256(canonical(body));
    const line = canonical({ ...body, hash_self: prev });
    return `${line}\n`;
  });
  writeFileSync(file, lines.join('') + tail);
  return file;
}

const POLICY = `version: "1.0"
agent_id: a
mode: audit
default_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: BLOCK}
policies:
  - {name: work, match: {path_prefix: ["/w"]}, action: ALLOW}
  - {name: env, match: {path: ["**/.env"]}, action: BLOCK, mode: enforce, guidance: ask first}
  - {name: ask, match: {path: ["/w/ask"]}, action: HUMAN_APPROVAL}
  - {name: pay, match: {destination_domain: ["pay.example"], port: [443]}, action: ALLOW, max: 2/minute}
  - {name: idle, match: {path: ["/never"]}, action: ALLOW}
`;
const policyFile = join(folder, 'p.yaml');
writeFileSync(policyFile, POLICY);
const policy = parsePolicy(Buffer.from(POLICY), policyFile);

const open = (path: string, more: Fields = {}): Fields => ({
  event_type: 'file_open',
  access: 'read',
  exe: '/bin/x',
  path,
  ...more,
});
const pay = (ts: number): Fields => ({
  event_type: 'network_connect',
  exe: '/bin/x',
  dest_domain: 'pay.example',
  dest_port: 443,
  protocol: 'tcp',
  ts_us: ts,
});
const EVENTS: Fields[] = [
  { event_type: 'session_start' },
  open('/w/a'),
  open('/w/.env'),
  open('/w/.env', { count: 9 }),
  open('/etc/x'),
  open('/etc/missing', { errno: 2, path_resolved: false }),
  open('/etc/kept', { errno: 1, action: 'BLOCKED' }),
  open('/w/ask'),
  { event_type: 'file_delete', access: 'delete', exe: '/bin/x', path: '/w/../etc/y', path_resolved: false },
  pay(1_000_000),
  pay(2_000_000),
  pay(3_000_000),
  { event_type: 'network_connect', exe: '/bin/x', dest_ip: '192.0.2.7', dest_port: 80, protocol: 'tcp', errno: 111 },
  { event_type: 'process_exec', path: '/w/\u202e*\\tool', exe: '/w/\u202e*\\tool' },
  { event_type: 'process_exit', exit_code: 0 },
];
const file = record(EVENTS);

async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const catching = (key: 'out' | 'err') => (chunk: unknown) => {
    text[key] += String(chunk);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(catching('out') as typeof process.stdout.write),
    vi.spyOn(process.stderr, 'write').mockImplementation(catching('err') as typeof process.stderr.write),
  ];
  try {
    const code = await main(words);
    return { code, ...text };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = 0;
  }
}

describe('what would have been', () => {
  it('counts by rule and by default, with first places', async () => {
    const result = await replay(policy, [file]);
    expect(result).toMatchObject({
      events: 15,
      decided: 12,
      failed: { events: 1, stopped: 1 },
      unresolved: 1,
      otherAgents: 0,
    });
    const tallies = result.tallies.map(({ verdict, events, operations }) => [
      verdict.name,
      verdict.by,
      verdict.action,
      events,
      operations,
    ]);
    expect(tallies).toContainEqual(['env', 'rule', 'BLOCK', 2, 10]);
    expect(tallies).toContainEqual(['default_action.file', 'default', 'BLOCK', 3, 3]);
    expect(tallies).toContainEqual(['default_action.network', 'default', 'BLOCK', 1, 1]);
    expect(tallies).toContainEqual(['default_action.exec', 'default', 'BLOCK', 1, 1]);
    expect(tallies).toContainEqual(['ask', 'rule', 'HUMAN_APPROVAL', 1, 1]);
    expect(tallies).toContainEqual(['pay', 'rule', 'ALLOW', 2, 2]);
    expect(tallies).toContainEqual(['pay', 'rate', 'BLOCK', 1, 1]);
    const [env] = result.findings;
    expect(env).toMatchObject({
      object: '/w/.env',
      exe: '/bin/x',
      events: 2,
      operations: 10,
      first: { line: 3, seq: 3 },
    });
  });

  it('finds nothing where nothing is wrong', async () => {
    const { code, out } = await run('replay', policyFile, record([open('/w/a'), { event_type: 'process_exit' }]));
    expect(out).toContain('2 events, 1 decided: 1 allowed, 0 would be blocked');
    expect(code).toBe(0);
  });

  it('starts anew with each recording: another one is another life', async () => {
    const again = join(folder, `again-${made++}.jsonl`);
    copyFileSync(file, again);
    const result = await replay(policy, [file, again]);
    expect(result.tallies.find(({ verdict }) => verdict.by === 'rate')?.events).toBe(2);
    expect(result.recordings.map(({ events }) => events)).toEqual([15, 15]);
  });

  it('takes the files of a rotated log, packed ones too, as one recording', async () => {
    const place = mkdtempSync(join(folder, 'rotated-'));
    const log = join(place, 'audit.jsonl');
    const writer = await AuditWriter.open(log, { rotateBytes: 1500 });
    for (const fields of EVENTS)
      writer.append({
        action: 'OBSERVED',
        agent_id: 'a',
        timestamp: '2026-04-14T09:23:01.234Z',
        pid: 7,
        start_us: 1,
        ...fields,
      } as AgentEvent);
    await writer.close();
    const whole = await replay(policy, [file]);
    const tallies = ({ tallies: all }: ReplayResult) =>
      all.map(({ verdict, events }) => [verdict.name, verdict.by, events]);
    execFileSync('gzip', [join(place, 'audit-000001.jsonl')]);
    execFileSync('zstd', ['-q', '--rm', join(place, 'audit-000002.jsonl')]);
    for (const named of [log, place]) {
      const result = await replay(policy, [named]);
      expect(result.recordings).toMatchObject([{ file: log, events: 15, verification: { verdict: 'intact' } }]);
      expect(tallies(result)).toEqual(tallies(whole));
      // Each where it stands.
      expect(result.findings[0]?.first).toMatchObject({ file: join(place, 'audit-000001.jsonl.gz'), line: 3, seq: 3 });
      expect(result.findings.at(-1)?.first.file).toBe(log);
    }
    const unverified = await run('replay', policyFile, log, '--unverified', '--json');
    expect(JSON.parse(unverified.out)).toMatchObject({
      events: 15,
      recordings: [{ verdict: 'unverified', skipped: 0 }],
    });
    rmSync(join(place, 'audit-000002.jsonl.zst'));
    const missing = await run('replay', policyFile, log);
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('audit-000002.jsonl with the lines') });
  });
});

describe('soundness of recordings', () => {
  it.each([
    ['a changed line', (text: string) => text.replace('/w/a', '/w/b')],
    ['a torn end', (text: string) => text.slice(0, -20)],
    ['no log at all', () => 'hello\n'],
  ])('refuses %s unless told', async (_, change) => {
    const bad = join(folder, `bad-${made++}.jsonl`);
    writeFileSync(bad, change(readFileSync(file, 'utf8')));
    const refused = await run('replay', policyFile, bad);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('does not verify');
    const told = await run('replay', policyFile, bad, '--unverified', '--json');
    expect([0, 1]).toContain(told.code);
    expect(JSON.parse(told.out)).toMatchObject({ recordings: [{ verdict: 'unverified', events_lost: null }] });
  });

  it('fails on loss and on holds when asked', async () => {
    const lost = record([open('/w/ask'), { event_type: 'events_lost', class: 'file', count: 5, reason: 'ring_full' }]);
    expect((await run('replay', policyFile, lost)).code).toBe(0);
    const { code, out } = await run('replay', policyFile, lost, '--fail-on', 'loss', '--fail-on', 'hold');
    expect(code).toBe(1);
    expect(out).toContain('fails on hold, loss');
    expect(out).toContain('5 events were lost in the recording');
  });

  it('says that a recording in which nothing is asked for shows nothing', async () => {
    const { code, err } = await run('replay', policyFile, record([{ event_type: 'session_start' }]));
    expect(code).toBe(0);
    expect(err).toContain('nothing was decided');
  });

  it('says in one sentence what cannot be read', async () => {
    expect(await run('replay', policyFile, join(folder, 'none.jsonl'))).toMatchObject({ code: 2, out: '' });
    expect(await run('replay', join(folder, 'none.yaml'), file)).toMatchObject({ code: 2, out: '' });
    expect((await run('replay', policyFile, '/dev/null')).err).toContain('is no regular file');
  });
});

describe('reports', () => {
  it('prints people a list that no path can break', async () => {
    const { code, out } = await run('replay', policyFile, file);
    expect(code).toBe(1);
    expect(out).toContain('env: BLOCKED, 2 events for 10 operations, 1 different');
    expect(out).toContain('/w/\\u{202e}*\\tool');
    expect(out).not.toContain('\u202e');
  });

  it('prints JSON', async () => {
    const { code, out } = await run('replay', policyFile, file, '--json');
    const document = JSON.parse(out) as Record<string, unknown>;
    expect(code).toBe(1);
    expect(document).toMatchObject({
      policy: { mode: 'audit' },
      blocked: { events: 8, operations: 16, findings: 7 },
      held: { events: 1 },
      unused_rules: ['idle'],
      failed_on: ['would-block'],
      findings_cut: 0,
    });
  });

  it('prints JUnit: a case for each rule, failed where it stops something', async () => {
    const { out } = await run('replay', policyFile, file, '--report', 'junit');
    expect(out).toContain('<testsuites tests="8" failures="6">');
    expect(out).toMatch(/name="idle"\/>/);
    expect(out).toContain('BLOCKED file_open (read) /w/.env by /bin/x');
    expect(out).not.toContain('\u202e');
  });

  it('prints SARIF with the line of the recording and of the rule', async () => {
    const target = join(folder, 'out.sarif');
    expect(await run('replay', policyFile, file, '--report', 'sarif', '-o', target)).toMatchObject({
      code: 1,
      out: '',
    });
    const { runs, version } = JSON.parse(readFileSync(target, 'utf8'));
    expect(version).toBe('2.1.0');
    expect(runs[0].results[0]).toMatchObject({
      ruleId: 'env',
      level: 'error',
      occurrenceCount: 2,
      locations: [{ physicalLocation: { region: { startLine: 3 } } }],
      relatedLocations: [{ physicalLocation: { region: { startLine: 7 } } }],
    });
  });
});

describe('suggestions', () => {
  it('clear what they promise when they are added, and nothing else', async () => {
    const { findings } = await replay(policy, [file]);
    const all = findings.map((_, index) => index + 1);
    const { yaml, left } = suggest(policy, findings, all);
    const better = parsePolicy(Buffer.from(POLICY + yaml), 'better');
    const after = await replay(better, [file]);
    // The rate is a matter of the rule itself.
    expect(left).toEqual([{ number: findings.findIndex(({ verdict }) => verdict.by === 'rate') + 1, by: 'pay' }]);
    expect(after.findings.map(({ verdict }) => verdict.by)).toEqual(['rate']);
    // Another program gains nothing.
    const other = await replay(better, [record([open('/etc/x', { exe: '/bin/y' })])]);
    expect(other.findings).toHaveLength(1);
    expect(yaml).not.toContain('\u202e');
  });

  it('are for chosen findings', async () => {
    const { out } = await run('replay', policyFile, file, '--suggest', '1');
    expect(out).toContain(
      '  # clears finding 1\n  - name: suggested_1\n    match: {access: ["read"], path: ["/w/.env"], exe: ["/bin/x"]}\n    action: ALLOW\n',
    );
    expect(await run('replay', policyFile, file, '--suggest', '99')).toMatchObject({ code: 2 });
    expect(await run('replay', policyFile, file, '--suggest', 'x')).toMatchObject({ code: 2 });
  });
});

describe('policy check and explain', () => {
  it('checks, as people and programs read it', async () => {
    expect(await run('policy', 'check', policyFile)).toMatchObject({
      code: 0,
      out: `${policyFile}: ok: 5 rules, mode audit\n`,
      err: '',
    });
    const bad = join(folder, 'bad.yaml');
    writeFileSync(bad, POLICY.replace('agent_id', 'agentid'));
    expect(await run('policy', 'check', bad)).toMatchObject({
      code: 2,
      err: `${bad}:2:1: a policy has no key "agentid"; did you mean "agent_id"?\n`,
    });
    const { code, out } = await run('policy', 'check', '--json', policyFile, bad);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      policies: [{ ok: true }, { ok: false, problems: [{ line: 2, column: 1 }] }],
    });
  });

  it('explains an event', async () => {
    const { code, out } = await run('policy', 'explain', policyFile, JSON.stringify(open('/w/.env')), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      action: 'BLOCK',
      outcome: 'BLOCKED',
      rule: 'env',
      line: 7,
      mode: 'enforce',
      operations: [{ matching: ['env', 'work'] }],
    });
    expect((await run('policy', 'explain', policyFile, '{"event_type":"process_exit"}')).out).toContain('only reports');
    expect((await run('policy', 'explain', policyFile, '{}')).code).toBe(2);
    expect(await run('policy', 'explain', policyFile, '{"event_type":"file_opn","path":"/w/a"}')).toMatchObject({
      code: 2,
      err: expect.stringContaining('no event is called "file_opn"; did you mean "file_open"?'),
    });
    const call = JSON.stringify({ event_type: 'network_connect', dest_domain: 'pay.example', dest_port: 443 });
    expect((await run('policy', 'explain', policyFile, call)).out).toContain('\n  pay.example:443: ALLOW by pay\n');
    const { out: rules } = await run('policy', 'explain', policyFile);
    expect(rules).toContain('pay: ALLOW, mode audit, enforced in lsm, hook (best effort: ');
    const plain = join(folder, 'plain.yaml');
    writeFileSync(plain, POLICY.replace(', max: 2/minute', ''));
    expect((await run('policy', 'explain', plain)).out).toContain('enforced in lsm, hook (best effort: ');
  });

  it('explains an event of a recording with what is known of its process', async () => {
    const { out } = await run('policy', 'explain', policyFile, '--from', file, '--seq', '5', '--json');
    expect(JSON.parse(out)).toMatchObject({ rule: 'default_action.file', by: 'default' });
    expect((await run('policy', 'explain', policyFile, '--from', file, '--seq', '500')).code).toBe(2);
    expect((await run('policy', 'explain', policyFile, '--seq', '5')).code).toBe(2);
  });

  it('says what is wrong with its words', async () => {
    expect((await run('policy')).code).toBe(2);
    expect((await run('policy', 'check')).err).toContain("missing required argument 'policy'");
    expect((await run('policy', 'explain', policyFile, '--nonsense')).code).toBe(2);
  });
});
