import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Engine, loadPolicy, PolicyRun, parsePolicy } from '../../../src/policy/index.js';
import { cpuMs } from '../../cpu.js';
import { GENERATED, policyDoc } from './doc.js';
import { GROUPS } from './examples.js';

const DEFAULTS = 'default_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: BLOCK}';
const engineOf = (rules: string, top = DEFAULTS): Engine =>
  new Engine(
    parsePolicy(Buffer.from(`version: "1.0"\n${top}\npolicies:${rules === '' ? ' []' : `\n${rules}`}\n`), 'p.yaml'),
  );

describe.each(GROUPS)('$title', ({ rules, examples }) => {
  const engine = engineOf(
    Object.entries(rules)
      .map(([name, rest]) => `  - {name: ${name}, ${rest}}`)
      .join('\n'),
  );
  it.each(examples.map((example) => [JSON.stringify(example.event), example] as const))(
    '%s',
    (_, { event, action, by, who }) => {
      expect(engine.decide({ ...event }, who)).toMatchObject({ action, name: by });
      // The slow explanation and the fast decision are two readings of one table.
      const explained = engine.explain({ ...event }, who).map(({ verdict }) => verdict);
      expect(explained).toContainEqual(engine.decide({ ...event }, who));
    },
  );
});

it('docs/policy.md has this table and the keys of the schema (UPDATE_DOCS=1 writes them)', () => {
  const file = fileURLToPath(new URL('../../../docs/policy.md', import.meta.url));
  const text = readFileSync(file, 'utf8');
  const [head = ''] = text.split(GENERATED);
  if (process.env.UPDATE_DOCS) writeFileSync(file, head + policyDoc());
  expect(readFileSync(file, 'utf8')).toBe(head + policyDoc());
});

describe('the policy of the design', async () => {
  const engine = new Engine(await loadPolicy(fileURLToPath(new URL('./fixtures/finance-agent.yaml', import.meta.url))));
  it.each([
    [{ event_type: 'file_open', access: 'read', path: '/workspace/docs/a.md' }, 'ALLOW', 'read_internal_docs'],
    [
      { event_type: 'network_connect', dest_domain: 'api.stripe.com', dest_port: 443 },
      'BLOCK',
      'block_external_payments',
    ],
    [{ event_type: 'network_connect', dest_domain: 'api.anthropic.com', dest_port: 443 }, 'ALLOW', 'model_api'],
    [
      { event_type: 'network_connect', dest_domain: 'api.anthropic.com', dest_port: 80 },
      'BLOCK',
      'default_action.network',
    ],
    [{ event_type: 'tool_call', tool: 'db_query', database: 'prod-7' }, 'HUMAN_APPROVAL', 'production_db_query'],
    [{ event_type: 'tool_call', tool: 'rm' }, 'HUMAN_APPROVAL', 'default_action.tool'],
  ])('%j', (event, action, name) => {
    expect(engine.decide(event)).toMatchObject({ action, name, mode: 'audit' });
  });
});

it('has no word on events that only report', () => {
  const engine = engineOf('');
  for (const event_type of [
    'process_exit',
    'process_fork',
    'network_close',
    'dns_answer',
    'session_start',
    'nonsense',
  ]) {
    expect(engine.decide({ event_type, pid: 1 })).toBeUndefined();
  }
  expect(engine.decide({ event_type: 'file_open', access: 'path', path: '/a' })).toBeUndefined();
});

it('says when a class has no default', () => {
  const engine = engineOf('', 'default_action: {file: BLOCK}');
  expect(engine.decide({ event_type: 'network_connect' })).toMatchObject({ action: 'ALLOW', by: 'unnamed' });
  expect(engine.decide({ event_type: 'file_delete', path: '/a' })).toMatchObject({ action: 'BLOCK', by: 'default' });
});

it('knows the mode of the rule before that of the policy', () => {
  const engine = engineOf(
    '  - {name: a, match: {path: ["/a"]}, action: BLOCK, mode: enforce}\n  - {name: b, match: {path: ["/b"]}, action: BLOCK}',
  );
  expect(engine.decide({ event_type: 'file_delete', path: '/a' })?.mode).toBe('enforce');
  expect(engine.decide({ event_type: 'file_delete', path: '/b' })?.mode).toBe('audit');
});

it('expands ~ to the homes that it is given', () => {
  const policy = parsePolicy(
    Buffer.from(`version: "1.0"\n${DEFAULTS}\npolicies: [{name: a, match: {path: ["~/x"]}, action: ALLOW}]\n`),
    'p',
  );
  const engine = new Engine(policy, { homes: ['/srv/bob'] });
  expect(engine.decide({ event_type: 'file_delete', path: '/srv/bob/x' })?.action).toBe('ALLOW');
  expect(engine.decide({ event_type: 'file_delete', path: '/root/x' })?.action).toBe('BLOCK');
});

describe('along a stream', () => {
  it('remembers who runs what through forks and execs', () => {
    const run = new PolicyRun(
      engineOf(
        '  - {name: a, match: {access: [exec], exe: ["/bin/agent"], path: ["/bin/git"]}, action: ALLOW}\n  - {name: s, match: {path: ["/w"], script: ["/t.py"]}, action: ALLOW}',
      ),
    );
    const base = { uid: 0, tid: 1 };
    expect(
      run.decide({
        ...base,
        event_type: 'process_exec',
        pid: 1,
        path: '/bin/agent',
        exe: '/bin/agent',
        preexisting: true,
      })?.action,
    ).toBe('BLOCK');
    expect(
      run.decide({ ...base, event_type: 'process_fork', pid: 2, ppid: 1, exe: '/bin/agent', start_us: 5 }),
    ).toBeUndefined();
    expect(
      run.decide({
        ...base,
        event_type: 'process_exec',
        pid: 2,
        ppid: 1,
        start_us: 5,
        path: '/bin/git',
        exe: '/bin/git',
      })?.name,
    ).toBe('a');
    expect(
      run.decide({
        ...base,
        event_type: 'process_exec',
        pid: 2,
        ppid: 1,
        start_us: 5,
        path: '/bin/git',
        exe: '/bin/git',
      })?.action,
    ).toBe('BLOCK');
    run.decide({
      ...base,
      event_type: 'process_exec',
      pid: 2,
      start_us: 5,
      path: '/usr/bin/python3',
      exe: '/usr/bin/python3',
      script: '/t.py',
    });
    expect(
      run.decide({
        ...base,
        event_type: 'file_open',
        access: 'read',
        pid: 2,
        start_us: 5,
        path: '/w',
        exe: '/usr/bin/python3',
      })?.name,
    ).toBe('s');
    // The pid is somebody else's now.
    expect(
      run.decide({
        ...base,
        event_type: 'file_open',
        access: 'read',
        pid: 2,
        start_us: 9,
        path: '/w',
        exe: '/usr/bin/python3',
      })?.action,
    ).toBe('BLOCK');
  });

  it('counts rates exactly, in any window, with repeats, and anew after a boot', () => {
    const run = new PolicyRun(
      engineOf('  - {name: pay, match: {event: [network_connect]}, action: ALLOW, max: 3/second}'),
    );
    const pay = (ms: number, count?: number) =>
      run.decide({ event_type: 'network_connect', ts_us: ms * 1000, ...(count === undefined ? {} : { count }) });
    expect([0, 400, 900].map((ms) => pay(ms)?.action)).toEqual(['ALLOW', 'ALLOW', 'ALLOW']);
    expect(pay(999)).toMatchObject({ action: 'BLOCK', by: 'rate', name: 'pay' });
    expect(pay(1000)?.action).toBe('ALLOW');
    expect(pay(1001)?.action).toBe('BLOCK');
    expect(pay(5000, 4)?.by).toBe('rate');
    expect(pay(7000, 3)?.action).toBe('ALLOW');
    run.decide({ event_type: 'session_start', boot_id: 'next' });
    expect(pay(1)?.action).toBe('ALLOW');
  });
});

it('does not slow down on hostile paths', () => {
  const engine = engineOf(
    '  - {name: a, match: {path: ["/**/a*a*a*a*a*a*b/**/c*c*c*d"]}, action: BLOCK}\n  - {name: b, match: {path: ["**/x*x*x*x*y"]}, action: BLOCK}',
  );
  const paths = Array.from({ length: 200 }, (_, at) => [
    `/${'a'.repeat(2000)}/${'a/'.repeat(900)}${'x'.repeat(200)}${at}`,
    `/${'a/'.repeat(2040)}${at}`,
  ]).flat();
  const decideAll = () => paths.forEach((path) => void engine.decide({ event_type: 'file_delete', path }));
  expect(cpuMs(decideAll)).toBeLessThan(4000);
});
