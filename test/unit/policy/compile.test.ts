import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cannotHold } from '../../../src/policy/compile/holds.js';
import { ACTIONS, CLASSES, LIMITS, PROTOCOLS, type Table } from '../../../src/policy/compile/layout.js';
import {
  ASKS,
  type Ask,
  asksOf,
  CompileError,
  compilePolicy,
  Engine,
  enforcementOf,
  parseMounts,
  parsePolicy,
} from '../../../src/policy/index.js';
import { OPERATIONS } from '../../../src/policy/language/operations.js';
import { type PathPattern, parsePath } from '../../../src/policy/pattern/path.js';
import { random, scaled } from '../../scale.js';
import { entriesOf, Kernel } from './kernel.js';

const HOMES = ['/root'];
const dice = random('compile');
const pick = <T>(all: readonly T[]): T => all[Math.floor(dice() * all.length)] as T;
const some = <T>(all: readonly T[], most = 3): T[] =>
  Array.from({ length: 1 + Math.floor(dice() * most) }, () => pick(all));
const unique = <T>(all: T[]): T[] => [...new Set(all)];

const NAMES = ['a', 'b', 'key', '.env', 'app.md', 'x.pem', 'deep', 'n'.repeat(40), 'é', 'docs'];
const PARTS = [...NAMES, '*', '*.md', 'a*', '*.p*m', '**', 'n*n', '.*'];
const EXES = ['/usr/bin/cat', '/usr/bin/node', '/opt/x/bin/tool', '/opt/bin/tool'];
const SCRIPTS = ['/opt/x/tool.md', '/a/b', '/opt/bin/tool'];
const BLOCKS = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', 'fd00::/8', 'fd00::1', '0.0.0.0/0', '::/0', '127.0.0.0/8'];
const SYSTEM = ['mount', 'privilege_change', 'ptrace', 'signal', 'kernel_tamper'];
const IPS = [
  '10.0.0.1',
  '10.1.0.9',
  '10.1.2.3',
  'fd00::1',
  'fd12::9',
  '192.0.2.1',
  '::1',
  '0.0.0.0',
  '::ffff:10.1.2.3',
];

const pattern = (): string => {
  const parts = some(PARTS, 4).filter((part, at, all) => part !== '**' || all[at - 1] !== '**');
  return parts[0] === '**' && parts.length > 1 && dice() < 0.5 ? parts.join('/') : `/${parts.join('/')}`;
};

function rule(at: number): Record<string, unknown> {
  const match: Record<string, unknown> = {};
  if (dice() < 0.1) match.event = unique(some(SYSTEM));
  else if (dice() < 0.65) {
    if (dice() < 0.5) match.path = unique(some([pattern(), pattern(), pattern()]));
    else match.path_prefix = [`/${some(NAMES, 3).join('/')}`];
    if (dice() < 0.6)
      match.access = unique(some(['read', 'write', 'create', 'delete', 'rename', 'link', 'attr', 'exec']));
  } else {
    if (dice() < 0.8) match.destination_ip = unique(some(BLOCKS));
    else match.event = ['network_connect'];
    if (dice() < 0.4) match.port = unique(some([443, 80, '8000-8100', 53, '1-9', 4000, 5000, 6000]));
    if (dice() < 0.3) match.protocol = [pick(['tcp', 'udp'])];
  }
  if (dice() < 0.3) match.exe = [pick([...EXES, '**/bin/*', '/opt/**'])];
  if (dice() < 0.3) match.script = [pick([...SCRIPTS, '/opt/**', '**/*.md'])];
  if (dice() < 0.2) match.written = dice() < 0.7;
  return { name: `r${at}`, match, action: pick(['ALLOW', 'BLOCK', 'HUMAN_APPROVAL']) };
}

/** A policy of random rules without those that the loader refuses beside the others. */
function policy() {
  const rules: Record<string, unknown>[] = [];
  const document = (): string =>
    JSON.stringify({
      version: '1.0',
      default_action: { file: pick(['ALLOW', 'BLOCK']), exec: 'BLOCK', network: 'BLOCK' },
      policies: rules,
    });
  for (let at = 0; at < 12; at++) {
    rules.push(rule(at));
    try {
      parsePolicy(Buffer.from(document()), 'p.yaml');
    } catch {
      rules.pop();
    }
  }
  return parsePolicy(Buffer.from(document()), 'p.yaml');
}

function event(): Record<string, unknown> {
  const path = `/${some(NAMES, 4).join('/')}`;
  const exe = pick(EXES);
  const common = { exe, path };
  return pick<() => Record<string, unknown>>([
    () => ({ ...common, event_type: 'file_open', access: pick(['read', 'write', 'read_write']) }),
    () => ({ ...common, event_type: 'file_create', access: 'create' }),
    () => ({ ...common, event_type: 'file_delete' }),
    () => ({ ...common, event_type: 'process_exec', ...(dice() < 0.5 && { written: true }) }),
    () => ({ ...common, event_type: 'file_attr' }),
    () => ({ ...common, event_type: 'file_truncate' }),
    () => ({ ...common, event_type: 'file_rename', path_to: `/${some(NAMES, 3).join('/')}` }),
    () => ({ ...common, event_type: 'file_link', path_to: `/${some(NAMES, 3).join('/')}` }),
    () => ({
      event_type: pick(['network_connect', 'network_send']),
      exe,
      dest_ip: pick(IPS),
      dest_port: pick([443, 80, 8050, 53, 5, 7]),
      protocol: pick(['tcp', 'udp']),
    }),
    () => ({ event_type: pick(SYSTEM), exe }),
  ])();
}

const components = (path: string): Buffer[] =>
  path
    .split('/')
    .filter(Boolean)
    .map((part) => Buffer.from(part));
const STRICT = [0, 1, 2];

describe('a policy as tables', () => {
  it('decides as the engine does', () => {
    let decided = 0;
    let beside: readonly Table[] = [];
    for (let round = 0; round < scaled(250); round++) {
      const one = policy();
      const engine = new Engine(one, { homes: HOMES });
      const half = (round % 2) as 0 | 1;
      const compiled = compilePolicy(one, { homes: HOMES, mounts: [], accept: [], half });
      const head = compiled.head({ place: pick([0, 1]), serial: 1, modes: new Map() });
      // The one before is still there, in the other half.
      const own = [...compiled.tables, ...head.tables];
      const kernel = new Kernel([...beside, ...own], head.key);
      beside = own;
      for (let i = 0; i < 40; i++) {
        const asked = event();
        const subject = { exe: asked.exe as string, script: pick([undefined, ...SCRIPTS]) };
        const wanted = engine.decide(asked as never, subject);
        const ip = asked.dest_ip as string | undefined;
        const answers = asksOf(asked as never).map(({ ask, path, written = false }) =>
          kernel.decide({
            class: ask.class,
            permit: ask.permit,
            forbid: ask.forbid,
            exe: components(subject.exe),
            written,
            ...(subject.script === undefined ? {} : { script: components(subject.script) }),
            ...(path === undefined ? {} : { path: components(path) }),
            ...(ip === undefined ? {} : { ip: ip === '0.0.0.0' ? '127.0.0.1' : ip, port: asked.dest_port as number }),
            ...(asked.protocol === undefined ? {} : { protocol: PROTOCOLS.indexOf(asked.protocol as 'tcp') }),
          }),
        );
        const strictest = answers.reduce((a, b) => (STRICT.indexOf(b.action) > STRICT.indexOf(a.action) ? b : a));
        const found = `${compiled.rules[strictest.rule]} ${strictest.action}`;
        const expected = `${wanted?.name} ${ACTIONS[wanted?.action ?? 'ALLOW']}`;
        if (found !== expected) expect({ found, asked, rules: one.document.policies }).toEqual({ found: expected });
        decided++;
      }
    }
    expect(decided).toBe(scaled(250) * 40);
  }, 60_000);

  it('decides on addresses that names lead to as the engine does', () => {
    const hosts = ['a.example.com', 'b.example.com', 'example.com', 'x.y.example.com', 'other.org'];
    const domains = [...hosts, '*.example.com', '*.y.example.com', 'a*.example.com', '*.example.org'];
    for (let round = 0; round < scaled(100); round++) {
      const rules = Array.from({ length: 8 }, (_, at) => ({
        name: `r${at}`,
        match: {
          event: ['network_connect'],
          ...(dice() < 0.7 && { destination_domain: unique(some(domains)) }),
          ...(dice() < 0.5 && { destination_ip: unique(some(BLOCKS)) }),
          ...(dice() < 0.2 && { port: [443] }),
        },
        action: pick(['ALLOW', 'BLOCK']),
      })).filter(({ match }) => Object.keys(match).length > 1);
      const document = { version: '1.0', default_action: { network: pick(['ALLOW', 'BLOCK']) }, policies: rules };
      let one: ReturnType<typeof parsePolicy>;
      try {
        one = parsePolicy(Buffer.from(JSON.stringify(document)), 'p.yaml');
      } catch {
        continue; // two that contradict each other
      }
      const engine = new Engine(one, { homes: HOMES });
      const compiled = compilePolicy(one, { homes: HOMES, mounts: [], accept: [], half: 0 });
      const head = compiled.head({ place: 0, serial: 1, modes: new Map() });
      const leads = new Map(['10.1.2.3', '10.9.9.9', 'fd00::1', '192.0.2.1'].map((ip) => [ip, pick(hosts)]));
      const { tables, spoken } = compiled.addresses(new Map([...leads].map(([ip, host]) => [ip, new Set([host])])));
      const kernel = new Kernel([...compiled.tables, ...tables, ...head.tables], head.key);
      for (const [ip, host] of leads) {
        // Of an address that is not spoken of no rule over names is.
        const asked = {
          event_type: 'network_connect',
          dest_ip: ip,
          dest_port: 443,
          dest_domain: host,
          protocol: 'tcp',
        };
        const wanted = engine.decide(asked as never, { exe: undefined, script: undefined });
        const ask = asksOf(asked as never)[0]?.ask as Ask;
        const found = kernel.decide({
          class: ask.class,
          permit: ask.permit,
          forbid: ask.forbid,
          ip,
          port: 443,
          protocol: 0,
        });
        expect([ip, host, compiled.rules[found.rule], rules]).toEqual([ip, host, wanted?.name, rules]);
        if (!spoken.includes(ip)) expect(entriesOf(tables, 'blocks').length).toBe(spoken.length);
      }
    }
  });

  it('takes the clauses that were checked only where they mean the same', () => {
    const [other] = parsePath('/elsewhere/a', false, []) as [PathPattern];
    for (let round = 0; round < scaled(100); round++) {
      const { document } = policy();
      const ofHome = { name: 'home', match: { path: ['~/x', '/y'], access: ['read'] }, action: 'BLOCK' };
      const text = JSON.stringify({ ...document, policies: [...document.policies, ofHome] });
      const { clauses, ...plain } = parsePolicy(Buffer.from(text), 'p.yaml');
      expect(clauses?.size).toBe(plain.document.policies.length);
      // Places in the list differ.
      const policies = dice() < 0.5 ? plain.document.policies : plain.document.policies.toReversed();
      const one = { ...plain, document: { ...plain.document, policies } };
      const options = {
        homes: ['/home/one', '/home/two'],
        mounts: [],
        accept: [],
        half: 0,
        aliases: ({ text }: PathPattern) => (text.includes('key') ? [other] : []),
      } as const;
      const [checked, fresh] = [
        compilePolicy({ ...one, ...(clauses && { clauses }) }, options),
        compilePolicy(one, options),
      ];
      expect(checked.tables).toEqual(fresh.tables);
      expect(checked.rules).toEqual(fresh.rules);
    }
  });

  it('has the rules over agentgov itself before all of the policy', () => {
    const own = {
      files: [
        { name: 'keys', path: ['/etc/k'], secret: true },
        { name: 'log', path: ['/a/log'], prefix: ['/a/logs'] },
      ],
      mountNamespace: 9,
    };
    const text = JSON.stringify({
      version: '1.0',
      mode: 'audit',
      policies: [
        { name: 'all', match: { path_prefix: ['/'] }, action: 'ALLOW' },
        { name: 'exact', match: { path: ['/a/log'], exe: ['/bin/x'], access: ['write'] }, action: 'ALLOW' },
      ],
    });
    const one = parsePolicy(Buffer.from(text), 'p.yaml');
    const mounts = [{ id: 5, dev: 1, root: [], at: [] }];
    const compiled = compilePolicy(one, { homes: HOMES, mounts, accept: [], protect: own, half: 1 });
    const headIn = (mode: 'audit' | 'enforce') => compiled.head({ place: 0, serial: 1, mode, modes: new Map() });
    const { key, tables } = headIn('audit');
    const kernel = new Kernel([...compiled.tables, ...tables], key);
    const decided = (path: string, { class: of, permit, forbid }: Ask): string | undefined =>
      compiled.rules[
        kernel.decide({ class: of, permit, forbid, path: components(path), exe: components('/bin/x') }).rule
      ];
    for (const ask of [
      ASKS.write,
      ASKS.create,
      ASKS.delete,
      ASKS.renameFrom,
      ASKS.renameTo,
      ASKS.linkFrom,
      ASKS.attr,
    ]) {
      for (const path of ['/a/log', '/a/logs/x/y']) expect(decided(path, ask)).toBe('self_protection.log');
      expect(decided('/a/other', ask)).toBe('all');
    }
    expect(decided('/a/log', ASKS.read)).toBe('all');
    expect(decided('/a/logs', ASKS.mount)).toBe('self_protection.log');
    expect(decided('/etc/k', ASKS.read)).toBe('self_protection.keys');

    // Rules: two of the policy, four for its defaults, then these. Some hold whatever the modes are.
    const modesIn = (mode: 'audit' | 'enforce') =>
      entriesOf(headIn(mode).tables, 'rules')
        .slice(6)
        .map((entry) => entry.readUInt8(5));
    const always = ['self_protection.keys', 'self_protection.log', 'self_protection.process'];
    const switched = ['self_protection.outside', 'self_protection.kernel'];
    const last = ['self_protection.log_failure', 'self_protection.agents'];
    expect(compiled.rules.slice(6)).toEqual([...always, ...switched, ...last]);
    expect(compiled.always).toEqual([...always, ...last]);
    expect(modesIn('audit')).toEqual([1, 1, 1, 0, 0, 1, 1]);
    expect(modesIn('enforce')).toEqual([1, 1, 1, 1, 1, 1, 1]);
    const head = entriesOf(tables, 'policy')[0] as Buffer;
    const end = Array.from({ length: 3 }, (_, at) => head.readUInt32LE(4 + 64 + 4 * at));
    expect(end).toEqual([8, 9, 5]);
    expect(head).toHaveLength(4 + 76);
    // What cannot be asked is not denied: the policy is only audited.
    expect(head.readUInt32LE(4 + 4 * 11)).toBe(0);
  });

  it('has the layout and the numbers of the kernel', () => {
    const header = readFileSync(new URL('../../../bpf/include/policy.h', import.meta.url), 'utf8');
    const enumOf = (name: string): string[] =>
      (new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(header)?.[1] ?? '')
        .replace(/\/\*[\s\S]*?\*\//g, '')
        .split(',')
        .map((word) => word.trim())
        .filter(Boolean);
    const operations = enumOf('ag_operation').map((word) => word.split('=')[1]?.trim());
    expect(operations).toEqual(OPERATIONS.map((_, at) => `1 << ${at}`));
    expect(
      enumOf('ag_protocol')
        .slice(0, -1)
        .map((word) => word.replace('AG_P_', '').toLowerCase().replace('_', '-')),
    ).toEqual(PROTOCOLS);
    expect(enumOf('ag_policy_class')).toHaveLength(CLASSES.length + 1);
    const constant = (name: string) => Number(new RegExp(`#define ${name} (\\d+)`).exec(header)?.[1]);
    expect([constant('AG_RATES_MAX'), constant('AG_RATE_GROUPS')]).toEqual([LIMITS.rates, LIMITS.rateGroups]);
  });

  it('refuses what the kernel cannot hold by its name, and goes without it when told', () => {
    const text = JSON.stringify({
      version: '1.0',
      policies: [
        { name: 'query', match: { tool: ['db_query'] }, action: 'BLOCK' },
        { name: 'mounts', match: { event: ['mount'], path_prefix: ['/srv'] }, action: 'BLOCK' },
        { name: 'may', match: { tool: ['search'] }, action: 'ALLOW' },
        {
          name: 'held',
          match: { event: ['mount', 'ptrace', 'signal', 'privilege_change', 'io_uring_setup', 'kernel_tamper'] },
          action: 'BLOCK',
        },
      ],
    });
    const one = parsePolicy(Buffer.from(text), 'p.yaml');
    const all = ['query', 'mounts'];
    const compile = (accept: string[]) => () => compilePolicy(one, { homes: HOMES, mounts: [], accept, half: 0 });
    for (const name of all) {
      const others = all.filter((other) => other !== name);
      expect(compile(others)).toThrow(CompileError);
      expect(compile(others)).toThrow(`"${name}"`);
    }
    // A permission for a call of a tool is left out without asking: the kernel stops none.
    expect(compile(all)().left.map((line) => line.split(':')[0])).toEqual([...all, 'may']);
    // What `policy explain` says of them is what enforce does.
    const notes = (name: string) =>
      one.document.policies.filter((rule) => rule.name === name).flatMap((rule) => enforcementOf(rule).notes);
    for (const name of all) expect(notes(name).join()).toMatch(/^enforce refuses it/);
    expect(notes('may').join()).toMatch(/^enforce goes without it/);
    expect(notes('held')).toEqual([]);
  });

  it('keeps what a rule has let through as long as the rule stays the same', () => {
    const limited = (names: readonly string[], max = '3/minute') =>
      names.map((name) => ({ name, match: { path: [`/${name}`] }, action: 'ALLOW', max }));
    const compile = (rules: unknown[], rates?: ReadonlyMap<string, number>) => {
      const one = parsePolicy(Buffer.from(JSON.stringify({ version: '1.0', policies: rules })), 'p.yaml');
      const compiled = compilePolicy(one, { homes: HOMES, mounts: [], accept: [], half: 0, rates });
      const tables = [...compiled.tables, ...compiled.head({ place: 0, serial: 1, modes: new Map() }).tables];
      const entries = (table: string) => entriesOf(tables, table);
      return {
        rates: compiled.rates,
        written: entries('rates').map((entry) => entry.readUInt32LE(0)),
        entries: entries('rates'),
        // 0: no max; else one more than its row.
        rows: entries('rules')
          .slice(0, rules.length)
          .map((entry) => entry.readUInt8(7)),
      };
    };
    const plain = { name: 'plain', match: { path: ['/p'] }, action: 'ALLOW' };
    const first = compile([...limited(['a', 'b']), plain]);
    expect(first.rows).toEqual([1, 2, 0]);
    expect(first.written).toEqual([0, 1]);
    // Others come and go; an edited one is another one, and gets no row that is in use until it is in force.
    const second = compile([plain, ...limited(['c', 'b']), ...limited(['a'], '4/minute')], first.rates);
    expect(second.rows).toEqual([0, 3, 2, 4]);
    expect(second.written).toEqual([2, 3]);
    expect(compile(limited(['a', 'b']), second.rates).rows).toEqual([1, 2]);
    expect(() => compile(limited(Array.from({ length: LIMITS.rates / 2 + 1 }, (_, at) => `r${at}`)))).toThrow(
      CompileError,
    );
    // struct ag_rate: the window in ns, operations of a group, groups.
    const [entry] = compile(limited(['big'], '2000/hour')).entries;
    expect(entry).toHaveLength(4 + 24 + 24 * LIMITS.rateGroups);
    expect([entry?.readBigUInt64LE(4), entry?.readBigUInt64LE(12), entry?.readUInt32LE(20)]).toEqual([
      3_600_000_000_000n,
      8n,
      250,
    ]);
  });

  it('holds the ready policies', () => {
    const folder = new URL('../../../templates/policies/', import.meta.url);
    const left = readdirSync(folder).flatMap((file) =>
      parsePolicy(readFileSync(new URL(file, folder)), file)
        .document.policies.filter((rule) => cannotHold(rule) !== undefined)
        .map(({ name }) => `${file} ${name}`),
    );
    expect(left).toEqual([]);
  });

  it('holds rules over every name that a file system has', () => {
    const rules = [
      { name: 'alias', match: { path: ['/mnt/alias/key'] }, action: 'BLOCK' },
      { name: 'twice', match: { path_prefix: ['/again/dir'] }, action: 'BLOCK' },
      { name: 'real', match: { path: ['/real/sub/own'] }, action: 'BLOCK' },
      { name: 'star', match: { path: ['/mnt/*/other'] }, action: 'BLOCK' },
      { name: 'part', match: { path: ['/part/x'] }, action: 'BLOCK' },
      { name: 'any', match: { path: ['**/.env'] }, action: 'BLOCK' },
    ];
    const one = parsePolicy(Buffer.from(JSON.stringify({ version: '1.0', policies: rules })), 'p.yaml');
    const mounts = parseMounts(
      ['0:1 / /', '0:1 /real/sub /mnt/alias', '0:1 / /again', '0:2 /a/b /part', '0:2 /a /whole/of/it', '']
        .map((line) => `21 1 ${line} rw`)
        .join('\n'),
    );
    const compiled = compilePolicy(one, { homes: HOMES, mounts, accept: [], half: 1 });
    const head = compiled.head({ place: 0, serial: 1, modes: new Map() });
    const kernel = new Kernel([...compiled.tables, ...head.tables], head.key);
    const rule = (dev: number, path: string) =>
      compiled.rules[kernel.decide({ class: 'file', permit: 1, forbid: 1, path: components(path), dev }).rule];
    expect([
      rule(1, '/real/sub/key'),
      rule(1, '/dir/x'),
      rule(1, '/again/dir/x'),
      rule(1, '/real/sub/own'),
      rule(1, '/real/sub/other'),
      rule(1, '/mnt/alias/key'),
      rule(1, '/real/sub/x/.env'),
      rule(1, '/real/key'),
      rule(2, '/a/b/x'),
      rule(2, '/a/x'),
      rule(2, '/c/.env'),
    ]).toEqual([
      ...['alias', 'twice', 'twice', 'real', 'star', 'alias', 'any', 'default_action.file'],
      ...['part', 'default_action.file', 'any'],
    ]);
  });

  it('changes modes by another head, over the same tables', () => {
    const rules = [
      { name: 'own', match: { path: ['/a'] }, action: 'BLOCK', mode: 'audit' },
      { name: 'other', match: { path: ['/b'] }, action: 'BLOCK', errno: 'EACCES' },
    ];
    const one = parsePolicy(
      Buffer.from(JSON.stringify({ version: '1.0', mode: 'enforce', policies: rules })),
      'p.yaml',
    );
    const compiled = compilePolicy(one, { homes: HOMES, mounts: [], accept: [], half: 1 });
    const modesOf = (place: 0 | 1, mode?: 'audit' | 'enforce', modes: [string, 'audit' | 'enforce'][] = []) => {
      const { key, tables } = compiled.head({ place, serial: 7, mode, modes: new Map(modes) });
      expect(key).toBe(2 + place);
      const rows = entriesOf(tables, 'rules');
      const head = entriesOf(tables, 'policy')[0] as Buffer;
      expect(rows.map((row) => row.readUInt32LE(0) - head.readUInt32LE(4 + 56))).toEqual([0, 1, 2, 3, 4, 5]);
      expect(head.readUInt32LE(4 + 60)).toBe(7);
      return { modes: rows.map((row) => row[5]), enforces: head.readUInt32LE(4 + 44) };
    };
    expect(modesOf(0)).toEqual({ modes: [0, 1, 1, 1, 1, 1], enforces: 1 });
    expect(modesOf(1, 'audit')).toEqual({ modes: [0, 0, 0, 0, 0, 0], enforces: 0 });
    expect(modesOf(0, 'audit', [['own', 'enforce']])).toEqual({ modes: [1, 0, 0, 0, 0, 0], enforces: 1 });
    expect(modesOf(1, 'enforce', [['default_action.file', 'audit']]).modes).toEqual([1, 1, 0, 1, 1, 1]);
  });

  describe('many rules in one place', () => {
    const compile = (rules: object[]) => () => {
      const document = {
        version: '1.0',
        policies: rules.map((rule, at) => ({ name: `r${at}`, action: 'BLOCK', ...rule })),
      };
      const one = parsePolicy(Buffer.from(JSON.stringify(document)), 'p.yaml');
      return compilePolicy(one, { homes: HOMES, mounts: [], accept: [], half: 0 });
    };
    const many = (count: number, match: (at: number) => object) =>
      Array.from({ length: count }, (_, at) => ({ match: match(at) }));
    const program = (at: number) => [`/usr/bin/tool${at}`];

    it('count once where only their objects differ', () => {
      const { tables } = compile(many(500, (at) => ({ path: [`/w/a/f${at}`], exe: program(at % 40) })))();
      // A list for each file, and one for what lies below /w/a, below /w and below the root.
      expect(entriesOf(tables, 'clauses')).toHaveLength(500 + 40);
    });

    it.each([
      [
        'below one folder',
        many(65, (at) => ({ path: [`/w/a/f${at}`], access: [at < 60 ? 'read' : 'write'], exe: program(at % 60) })),
        'has too many rules over /w/a that differ in programs, ports or operations ("r10", "r11", "r12" and 62 more): the kernel looks at 64',
      ],
      [
        'over one address',
        many(40, (at) => ({
          destination_ip: ['10.0.0.1'],
          port: [at, at + 100, at + 200, at + 300, at + 400],
          exe: program(at),
        })),
        'has too many rules over 10.0.0.1 that',
      ],
      [
        'for each program',
        many(65, (at) => ({ path: [`/w/f${at}`], exe: program(at) })),
        'has more than 64 different lists of programs in exe and script, which is all that the kernel tells apart: "r64" has one too many',
      ],
    ])('are refused by name: %s', (_, rules, message) => {
      expect(compile(rules)).toThrow(CompileError);
      expect(compile(rules)).toThrow(message);
    });

    it('are told of one address, and hold no other up', () => {
      const over = (name: string) => (at: number) => ({
        destination_domain: [name],
        port: [at, at + 100, at + 200, at + 300, at + 400],
        exe: program(at),
      });
      const rules = [...many(40, over('a.example.com')), ...many(2, over('b.example.com'))];
      const { addresses } = compile(rules)();
      const of = (ip: string, name: string): [string, Set<string>] => [ip, new Set([name])];
      const first = addresses(new Map([of('10.0.0.1', 'b.example.com'), of('10.0.0.2', 'a.example.com')]));
      expect(first.failed).toBeInstanceOf(CompileError);
      expect(first.spoken).toEqual(['10.0.0.1']);
      expect(entriesOf(first.tables, 'blocks').length).toBe(1);
      const second = addresses(new Map([of('10.0.0.3', 'b.example.com')]));
      expect(second).toMatchObject({ spoken: ['10.0.0.3'], failed: undefined });
    });
  });

  it('grows with the patterns that begin anywhere, and not with their square', () => {
    const sizes = [50, 500].map((count) => {
      const policies = Array.from({ length: count }, (_, at) => ({
        name: `r${at}`,
        match: { path: [`**/folder${at}/*.pem`, `**/.git/hooks/x${at}`] },
        action: 'BLOCK',
      }));
      const one = parsePolicy(Buffer.from(JSON.stringify({ version: '1.0', policies })), 'p.yaml');
      const { tables } = compilePolicy(one, { homes: HOMES, mounts: [], accept: [], half: 0 });
      const of = (name: string): number => entriesOf(tables, name).length;
      return of('states') + of('edges_by_name') + of('edges_by_class');
    });
    expect(sizes[1]).toBeLessThan(10 * (sizes[0] as number) + 100);
  });

  it('reads where file systems stand', () => {
    expect(parseMounts('21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:5 /a\\040b /mnt/x rw - tmpfs t rw\n')).toEqual([
      { id: 21, dev: (8 << 20) | 1, root: [], at: [] },
      { id: 22, dev: 5, root: ['a b'], at: ['mnt', 'x'] },
    ]);
  });
});
