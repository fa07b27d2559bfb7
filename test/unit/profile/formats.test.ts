// What was learned in the languages of others: whole by their schemas and parsers, true by what these make of it.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { AgentEvent } from '../../../src/events/index.js';
import { Engine, type Policy, type Rule } from '../../../src/policy/index.js';
import { FORMATS, type Format, format, type Generated, generate, parseProfile } from '../../../src/profile/index.js';
import { random, sample, scaled } from '../../scale.js';
import { fileRules, type Permission } from '../../support/apparmor.js';
import { folder } from '../audit/logs.js';
import { learn, path, run } from './agent.js';

const HERE = import.meta.dirname;
const schema = (name: string): object =>
  JSON.parse(readFileSync(join(HERE, '../../support/schemas', `${name}.json`), 'utf8')) as object;
const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false });

/** The finance agent of the demo, three clean runs. */
const FINANCE = join(HERE, 'fixtures/finance-agent.profile.json');
const finance = (): Generated => generate(parseProfile(readFileSync(FINANCE, 'utf8'), FINANCE));

const NAMES = [
  'a"b',
  "it's",
  'a b # c',
  'x: y',
  '- x',
  'b,c',
  '{a,b}',
  '[a-z]',
  'q?',
  '*',
  'a*b',
  '**',
  '@{HOME}',
  '$x',
  '^x',
  'a\\b',
  '\\x5cx41',
  '\\xff',
  'é🙂',
  '#include <x>',
  '"deny /** rwklx,',
  '{{ .Name }}',
  '!!js x',
  '%s',
  "'; --",
  'no\nlines: true\n/** rw,',
  '\u2028/** rw,',
  '\u202etxt',
];
const session = (events: object[], id: string): AgentEvent[] =>
  [{ event_type: 'session_start', session_id: id, run_id: id, target_pids: ['7'], tier: 'lsm' }, ...events].map(
    (one, index) => ({
      action: 'OBSERVED',
      agent_id: 'Ada.L_@x+1',
      pid: 7,
      exe: '/usr/bin/node',
      timestamp: new Date(Date.UTC(2026, 3, 14) + 1000 * index).toISOString(),
      ts_us: index * 1e6,
      ...one,
    }),
  ) as AgentEvent[];

/** Everything named so that it might be taken for something else. */
function hostile(): Generated {
  const events = NAMES.flatMap((name) => [
    { event_type: 'file_open', access: 'read', path: `/srv/app/${name}` },
    { event_type: 'file_create', access: 'write', path: `/srv/out/${name}/log` },
    { event_type: 'process_exec', path: `/opt/${name}/tool` },
    { event_type: 'unix_connect', path: `@${name}` },
    { event_type: 'unix_connect', path: `/srv/${name}.sock` },
    { event_type: 'tool_call', tool: name },
    {
      event_type: 'network_connect',
      dest_domain: name,
      dest_ip: '192.0.2.3',
      dest_port: 443,
      exe: `/opt/${name}/tool`,
    },
    { event_type: 'file_open', access: 'read', path: `/home/${name}/.ssh/id` },
  ]);
  const other = [
    { event_type: 'network_connect', dest_domain: 'meta.example', dest_ip: '169.254.169.254', dest_port: 80 },
    { event_type: 'network_listen', local_ip: '0.0.0.0', local_port: 8080, protocol: 'tcp' },
    { event_type: 'events_lost', count: 3 },
  ];
  return generate(learn([session([...events, ...other], 'r1'), session(events, 'r2')]));
}
function drawn(): Generated {
  const draw = random('formats');
  return generate(learn(Array.from({ length: 2 }, () => run(draw, 50))));
}

const INPUTS: Record<string, () => Generated> = {
  'the finance agent': finance,
  'hostile names': hostile,
  'an agent that does anything': drawn,
};
const isYaml = (name: Format): boolean => name !== 'seccomp' && name !== 'apparmor';

/** Lines at the top, before the first that is no comment. */
const headerOf = (text: string): string => text.slice(0, text.search(/^[^#]/m));

describe.each(Object.entries(INPUTS))('of %s', { timeout: 60_000 }, (_, make) => {
  const generated = make();

  it.each(FORMATS.filter((name) => name !== 'apparmor'))('%s is by its schema, and one document', (name) => {
    const { text } = format(name, generated);
    let object: unknown;
    if (isYaml(name)) {
      const documents = parseAllDocuments(text);
      expect(documents).toHaveLength(1);
      expect(documents[0]?.errors).toEqual([]);
      object = documents[0]?.toJS();
    } else object = JSON.parse(text);
    const validate = ajv.compile(schema(name));
    expect(validate(object), ajv.errorsText(validate.errors)).toBe(true);
  });

  it.each(FORMATS)('%s says at its top what it cannot say, and drops no rule without a word', (name) => {
    const { text, notes } = format(name, generated);
    const { policies } = generated.policy.document;
    if (name !== 'seccomp') {
      for (const line of generated.head) expect(headerOf(text)).toContain(line.slice(0, 40));
      expect(headerOf(text)).toContain('\n# Where it differs from the policy:\n');
    }
    expect(notes.join('\n')).toMatch(/not expressed, tool: /);
    const changed = (rule: Rule): boolean => {
      const document = { ...generated.policy.document, policies: policies.filter((one) => one !== rule) };
      const without = format(name, { ...generated, policy: { ...generated.policy, document } as Policy });
      return without.text !== text || without.notes.join() !== notes.join();
    };
    const allowed = policies.filter(({ action }) => action === 'ALLOW');
    for (const rule of sample(allowed, `formats-${name}`)) expect(changed(rule), rule.name).toBe(true);
  });
});

it('names the reason in each header where the profile is partial', () => {
  for (const name of FORMATS.filter((one) => one !== 'seccomp')) {
    expect(headerOf(format(name, hostile()).text)).toMatch(/^# THE PROFILE IS PARTIAL/m);
  }
});

const bytesOf = (text: string): Buffer =>
  Buffer.concat(
    text
      .split(/(\\x[0-9a-f]{2})/)
      .map((part, at) => Buffer.from(at % 2 === 1 ? part.slice(2) : part, at % 2 === 1 ? 'hex' : 'utf8')),
  );

describe('an AppArmor profile', { timeout: 120_000 }, () => {
  const KINDS: [Permission, AgentEvent][] = [
    ['r', { event_type: 'file_open', access: 'read' }],
    ['x', { event_type: 'process_exec' }],
  ];
  const RENAME = { event_type: 'file_rename' };
  const CONNECT = { event_type: 'unix_connect' };
  const CHANGING: AgentEvent[] = [
    { event_type: 'file_open', access: 'write' },
    { event_type: 'file_create', access: 'create' },
    ...['file_delete', 'file_link', 'file_attr', 'network_bind'].map((event_type) => ({ event_type })),
    RENAME,
    CONNECT,
  ];

  /** What the policy says of one thing done to one path, by whoever was seen doing it. */
  function agree(generated: Generated, paths: readonly string[]): void {
    const allows = fileRules(format('apparmor', generated).text);
    const engine = new Engine(generated.policy);
    // Without what forbids: what a rule allows beside what it says is allowed where the kit forbids what it says.
    const { document } = generated.policy;
    const policies = document.policies.filter(({ action }) => action === 'ALLOW');
    const opened = new Engine({ ...generated.policy, document: { ...document, policies } });
    const says = (event: AgentEvent, object: string, by = engine): string =>
      by.decide({ ...event, path: object, path_to: object } as AgentEvent)?.action ?? 'BLOCK';
    for (const object of paths.filter((one) => one.startsWith('/'))) {
      for (const slash of ['', '/']) {
        const allowed = allows(Buffer.concat([bytesOf(object), Buffer.from(object === '/' ? '' : slash)]));
        const changes = CHANGING.map((one) => says(one, object));
        for (const [permission, event] of KINDS) {
          const byPolicy = says(event, object) === 'ALLOW';
          // To rename a file is to read it there, and so is to connect to a socket.
          const isAsked = permission === 'r' && [RENAME, CONNECT].some((one) => says(one, object, opened) === 'ALLOW');
          if (byPolicy || !isAsked) expect(allowed.has(permission), `${permission} ${object}${slash}`).toBe(byPolicy);
        }
        // All changes are one: some rule that allows is enough, and any that forbids stands above it.
        if (allowed.has('w')) expect(changes, `w ${object}`).toContain('ALLOW');
        if (changes.every((one) => one === 'ALLOW')) expect(allowed.has('w'), `w ${object}`).toBe(true);
      }
    }
  }

  it('allows the files that the policy allows, and no others, by the automaton of the parser', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`apparmor-${round}`);
      const recordings = Array.from({ length: 1 + (round % 4) }, () => run(draw, 120));
      const learned = recordings.flatMap((events) =>
        events.flatMap(({ path: object }) => (typeof object === 'string' ? [object] : [])),
      );
      const others = Array.from({ length: 200 }, () => path(draw));
      const near = learned.flatMap((object) => [
        `${object}x`,
        `${object}/x`,
        object.slice(0, -1),
        object.slice(0, object.lastIndexOf('/')),
      ]);
      agree(generate(learn(recordings)), [
        ...learned,
        ...others,
        ...near.filter((one) => one !== '' && !/\\x.?$/.test(one) && !one.endsWith('/')),
      ]);
    }
  });

  it('means names as they are, whatever is in them', () => {
    const plain = NAMES.filter((name) => !/[\n]/.test(name));
    const generated = hostile();
    agree(generated, [
      ...plain.flatMap((name) => [
        `/srv/app/${name}`,
        `/srv/out/${name}/log`,
        `/opt/${name}/tool`,
        `/home/${name}/.ssh/id`,
      ]),
      ...[
        '/srv/app/b',
        '/srv/app/axb',
        '/srv/app/q',
        '/srv/app/qq',
        '/root',
        '/etc/passwd',
        '/srv/app/a',
        '/proc/1/mem',
        '/',
      ],
    ]);
  });

  it('closes what the kit closes, in complain mode as well', () => {
    const allows = fileRules(format('apparmor', finance()).text);
    for (const closed of [
      '/home/ann/.ssh/id_rsa',
      '/root/.aws/credentials',
      '/etc/shadow',
      '/srv/finance/.env',
      '/proc/1/environ',
    ])
      expect([...allows(Buffer.from(closed))], closed).toEqual([]);
    expect([...allows(Buffer.from('/srv/finance/documents/payment-terms.md'))]).toEqual(['r', 'k', 'm']);
    expect([...allows(Buffer.from('/usr/bin/node'))]).toEqual(['x', 'r', 'k', 'm']);
  });
});

describe('a seccomp profile', { timeout: 60_000 }, () => {
  const tried = (generated: Generated): Record<string, string> => {
    const file = join(folder(), 'profile.json');
    writeFileSync(file, format('seccomp', generated).text);
    const out = execFileSync('/usr/bin/python3', [join(HERE, '../../support/under-seccomp.py'), file], {
      encoding: 'utf8',
    });
    return JSON.parse(out) as Record<string, string>;
  };

  it('is taken by libseccomp, and closes the calls of what the policy forbids', () => {
    const closed = { mount: 'EPERM', ptrace: 'EPERM', io_uring_setup: 'EPERM', setuid: 'EPERM', alg: 'EPERM' };
    expect(tried(finance())).toEqual({ ...closed, inet: 'ok', inet6: 'ok', unix: 'ok' });
  });

  it('leaves open what was learned, and closes the network where nothing was', () => {
    const events = ['io_uring_setup', 'privilege_change'].map((event_type) => ({ event_type }));
    const open = tried(generate(learn([session([...events, { event_type: 'unix_connect', path: '/x' }], 'r1')])));
    expect(open).toMatchObject({ setuid: 'ok', ptrace: 'EPERM', inet: 'EPERM', inet6: 'EPERM', unix: 'ok' });
    expect(open.io_uring_setup).not.toBe('EPERM');
  });
});

describe('a NetworkPolicy', { timeout: 60_000 }, () => {
  interface Spec {
    egress: { to: { ipBlock: { cidr: string } }[]; ports: { protocol: string; port: number; endPort?: number }[] }[];
    ingress: { ports: { protocol: string; port: number; endPort?: number }[] }[];
  }
  const specOf = (generated: Generated): Spec => {
    return (parse(format('networkpolicy', generated).text) as { spec: Spec }).spec;
  };
  const reaches = ({ egress }: Spec, ip: string, port: number): boolean =>
    egress.some(
      ({ to, ports }) =>
        to.some(({ ipBlock: { cidr } }) => cidr === `${ip}/${ip.includes(':') ? 128 : 32}`) &&
        ports.some((one) => one.port <= port && port <= (one.endPort ?? one.port)),
    );

  it('lets through every connection that the policy allows, and no metadata service', () => {
    for (let round = 0; round < scaled(40); round++) {
      const draw = random(`networkpolicy-${round}`);
      const recordings = Array.from({ length: 3 }, () => run(draw, 80));
      const generated = generate(learn(recordings));
      const engine = new Engine(generated.policy);
      const spec = specOf(generated);
      expect(JSON.stringify(spec)).not.toContain('169.254');
      for (const one of recordings.flat()) {
        if (one.event_type !== 'network_connect' || typeof one.dest_ip !== 'string' || one.errno !== undefined)
          continue;
        const ip = one.dest_ip.replace('::ffff:', '');
        if (/^(127|0\.|::)/.test(ip) || engine.decide(one)?.action !== 'ALLOW') continue;
        expect(reaches(spec, ip, one.dest_port as number), JSON.stringify(one)).toBe(true);
      }
      for (const other of ['198.51.100.1', '169.254.169.254', '192.0.3.7'])
        expect(reaches(spec, other, 443)).toBe(false);
    }
  });

  it('writes names as the addresses that they had, but for those that the kit closes', () => {
    const spec = specOf(hostile());
    expect(spec.ingress).toEqual([
      {
        ports: [
          { protocol: 'TCP', port: 8080 },
          { protocol: 'UDP', port: 8080 },
        ],
      },
    ]);
    expect(JSON.stringify(spec.egress)).not.toContain('169.254');
    const any = { event_type: 'network_connect', dest_port: 80, protocol: 'tcp' };
    const wide = specOf(generate(learn([session([any], 'r1')])));
    expect(wide.egress.flatMap(({ to }) => to)).toEqual([
      { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32'] } },
      { ipBlock: { cidr: '::/0', except: ['fd00:ec2::254/128'] } },
    ]);
    const { notes } = format('networkpolicy', hostile());
    expect(notes.join('\n')).toMatch(/names are written as the addresses .*meta\.example: 169\.254\.169\.254/);
  });
});

describe('KubeArmor', { timeout: 60_000 }, () => {
  interface Entry {
    action: string;
    path?: string;
    dir?: string;
    pattern?: string;
    readOnly?: true;
    fromSource?: { path: string }[];
  }
  const entriesOf = (name: Format, generated: Generated): Entry[] => {
    const { spec } = parse(format(name, generated).text) as { spec: Record<string, Record<string, Entry[]>> };
    return ['process', 'file'].flatMap((group) => Object.values(spec[group] ?? {}).flat());
  };

  it('gets no character that its AppArmor profiles would take for something else', () => {
    for (const name of ['kubearmor', 'kubearmor-host'] as const)
      for (const { path: one, dir, pattern } of entriesOf(name, hostile())) {
        expect(`${one ?? ''}${dir ?? ''}`).toMatch(/^[A-Za-z0-9/._+:=~%@-]*$/);
        expect(pattern ?? '').toMatch(/^[A-Za-z0-9/._+:=~%@*?{},-]*$/);
      }
  });

  it('reads only what was only read, and closes the kit', () => {
    const entries = entriesOf('kubearmor', finance());
    expect(entries).toContainEqual({ path: '/etc/hosts', readOnly: true, action: 'Allow' });
    expect(entries).toContainEqual({ path: '/srv/finance/agent/app.log', action: 'Allow' });
    expect(entries).toContainEqual({ path: '/etc/shadow', action: 'Block' });
    expect(entries).toContainEqual({ dir: '/root/.ssh/', recursive: true, action: 'Block' });
    expect(entries).toContainEqual({ dir: '/var/log/agentgov/', recursive: true, readOnly: true, action: 'Block' });
  });

  it('holds on a host only the programs that were seen', () => {
    for (const entry of entriesOf('kubearmor-host', finance())) {
      expect(entry.pattern).toBeUndefined();
      expect(entry.fromSource).toContainEqual({ path: '/usr/bin/node' });
    }
    const nobody = [{ event_type: 'file_open', access: 'read', path: '/srv/x', exe: undefined }];
    expect(() => format('kubearmor-host', generate(learn([session(nobody, 'r1')])))).toThrow(
      /would hold the whole host/,
    );
  });
});
