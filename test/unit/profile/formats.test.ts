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
const JSONS: readonly Format[] = ['seccomp', 'srt'];

/** Lines at the top, before the first that is no comment. */
const headerOf = (text: string): string => text.slice(0, text.search(/^[^#]/m));

describe.each(Object.entries(INPUTS))('of %s', { timeout: 60_000 }, (_, make) => {
  const generated = make();

  it.each(FORMATS.filter((name) => name !== 'apparmor'))('%s is by its schema, and one document', (name) => {
    const { text } = format(name, generated);
    let object: unknown;
    if (!JSONS.includes(name)) {
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
    if (!JSONS.includes(name)) {
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
  for (const name of FORMATS.filter((one) => !JSONS.includes(one))) {
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

/** The same policy without what forbids: what a format may open where it cannot close. */
function openedBy({ policy }: Generated): (path: string) => boolean {
  const policies = policy.document.policies.filter(({ action }) => action === 'ALLOW');
  const engine = new Engine({ ...policy, document: { ...policy.document, policies } });
  const events: AgentEvent[] = [
    { event_type: 'file_open', access: 'read' },
    { event_type: 'file_open', access: 'write' },
    { event_type: 'file_create', access: 'create' },
    ...['process_exec', 'file_delete', 'file_rename', 'file_link', 'file_attr'].map((event_type) => ({ event_type })),
  ];
  return (object) => events.some((one) => engine.decide({ ...one, path: object, path_to: object })?.action === 'ALLOW');
}
const below = (object: string, folders: readonly string[]): boolean =>
  folders.some((one) => object === one || object.startsWith(`${one}/`));

describe('a TracingPolicy', { timeout: 60_000 }, () => {
  interface Selector {
    matchArgs?: { index: number; operator: string; values: string[] }[];
    matchBinaries: object[];
  }
  interface Hook {
    call: string;
    selectors: Selector[];
  }
  const hooksOf = (generated: Generated): Hook[] =>
    (parse(format('tetragon', generated).text) as { spec: { kprobes: Hook[] } }).spec.kprobes;
  const MATCHES: Record<string, (value: string, wanted: string) => boolean> = {
    Equal: (value, wanted) => value === wanted,
    Prefix: (value, wanted) => value.startsWith(wanted),
    Postfix: (value, wanted) => value.endsWith(wanted),
  };
  /** As Tetragon reads it: any selector, all of its filters, any of their values. */
  const denies = (hooks: Hook[], call: string, values: string[]): boolean =>
    (hooks.find((one) => one.call === call) as Hook).selectors.some(({ matchArgs = [] }) =>
      matchArgs.every(({ index, operator, values: wanted }) => {
        const isOne = MATCHES[operator.replace('Not', '')];
        const found = wanted.some((one) => isOne?.(values[index] as string, one));
        return operator.startsWith('Not') ? !found : found;
      }),
    );

  it('lets nothing be opened or run that no rule allows, and closes the kit', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`tetragon-${round}`);
      const recordings = Array.from({ length: 3 }, () => run(draw, 80));
      const generated = generate(learn(recordings));
      const hooks = hooksOf(generated);
      const opens = openedBy(generated);
      const probes = [...recordings.flat().map((one) => one.path), ...Array.from({ length: 200 }, () => path(draw))];
      for (const one of probes.filter((object) => typeof object === 'string' && object.startsWith('/')) as string[])
        for (const object of [one, `${one}x`, `${one}/y`])
          for (const call of ['security_file_open', 'security_bprm_check'])
            if (!denies(hooks, call, [object])) expect(opens(object), `${call} ${object}`).toBe(true);
      for (const closed of ['/root/.ssh/id', '/etc/shadow', '/work/app/.env', '/work/app/credentials.json'])
        expect(denies(hooks, 'security_file_open', [closed]), closed).toBe(true);
      expect(denies(hooks, 'security_file_permission', ['/etc/cron.d/x', '2'])).toBe(true);
      expect(denies(hooks, 'security_file_permission', ['/etc/cron.d/x', '4'])).toBe(false);
    }
  });

  it('lets the finance agent work, in its tree only, and only tells', () => {
    const hooks = hooksOf(finance());
    for (const object of ['/etc/hosts', '/usr/bin/node', '/srv/finance/agent/app.log'])
      expect(denies(hooks, 'security_file_open', [object]), object).toBe(false);
    expect(denies(hooks, 'security_bprm_check', ['/usr/bin/sort'])).toBe(false);
    expect(denies(hooks, 'security_bprm_check', ['/usr/bin/curl'])).toBe(true);
    const tree = { operator: 'In', values: ['/usr/bin/node'], followChildren: true };
    for (const { selectors } of hooks) for (const { matchBinaries } of selectors) expect(matchBinaries).toEqual([tree]);
    expect(format('tetragon', finance()).text).toContain('- name: policy-mode\n      value: monitor\n');
    const nobody = [{ event_type: 'file_open', access: 'read', path: '/srv/x', exe: undefined }];
    expect(() => format('tetragon', generate(learn([session(nobody, 'r1')])))).toThrow(/would hold the whole machine/);
  });
});

describe('settings of sandbox-runtime', { timeout: 60_000 }, () => {
  interface Settings {
    network: { allowedDomains: string[]; deniedDomains: string[] };
    filesystem: { denyRead: string[]; allowWrite: string[]; denyWrite: string[] };
  }
  const settingsOf = (generated: Generated): Settings => JSON.parse(format('srt', generated).text) as Settings;

  it('let nothing be changed that no rule allows', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`srt-${round}`);
      const generated = generate(learn(Array.from({ length: 3 }, () => run(draw, 80))));
      const { allowWrite, denyWrite } = settingsOf(generated).filesystem;
      const opens = openedBy(generated);
      for (const object of [...allowWrite, ...Array.from({ length: 200 }, () => path(draw))])
        if (below(object, allowWrite) && !below(object, denyWrite) && !object.startsWith('~'))
          expect(allowWrite.includes(object) || opens(object), object).toBe(true);
      for (const object of allowWrite) expect(opens(object.replace(/^~/, '/root')), object).toBe(true);
    }
  });

  it('close the kit in the home folder of whoever uses them', () => {
    const { filesystem, network } = settingsOf(finance());
    expect(filesystem.denyRead).toEqual(expect.arrayContaining(['~/.ssh', '/root/.ssh', '~/.netrc', '/etc/shadow']));
    expect(filesystem.denyWrite).toEqual(expect.arrayContaining(['~/.ssh', '~/.bashrc', '/etc', '/var/log/agentgov']));
    expect(filesystem.allowWrite).toContain('/srv/finance/agent/app.log');
    expect(network.allowedDomains.join(' ')).toMatch(/^(localhost:\d+ ?)+$/);
    expect(network.deniedDomains).toEqual(
      expect.arrayContaining(['169.254.169.254', '[fd00:ec2::254]', 'metadata.google.internal']),
    );
  });
});

describe('a policy of OpenShell', { timeout: 60_000 }, () => {
  interface Sandbox {
    filesystem_policy: { read_only: string[]; read_write: string[] };
    network_policies: Record<string, { endpoints: object[]; binaries: object[] }>;
  }
  const sandboxOf = (generated: Generated): Sandbox => parse(format('openshell', generated).text) as Sandbox;
  const read = (object: string): object => ({ event_type: 'file_open', access: 'read', path: object });
  const reach = (domain: string, ip: string, more: object = {}): object => ({
    event_type: 'network_connect',
    dest_domain: domain,
    dest_ip: ip,
    dest_port: 443,
    protocol: 'tcp',
    ...more,
  });

  it('lists nothing that no rule allows, and no folder in which something is closed', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`openshell-${round}`);
      const generated = generate(learn(Array.from({ length: 3 }, () => run(draw, 80))));
      const { read_only, read_write } = sandboxOf(generated).filesystem_policy;
      const opens = openedBy(generated);
      for (const object of [...read_only, ...read_write]) {
        expect(opens(object), object).toBe(true);
        for (const closed of ['/root/.ssh/x', '/etc/shadow', '/proc/7/environ', '/run/agentgov/x'])
          expect(below(closed, [object]), `${object} holds ${closed}`).toBe(false);
      }
    }
  });

  it('does not open a folder that was listed, and holds hosts by program', () => {
    const events = [
      ...['/home/ann', '/srv', '/srv/app/a.txt', '/'].map(read),
      reach('api.example.com', '203.0.113.5'),
      reach('db.corp.example', '10.1.2.3'),
      reach('localhost', '127.0.0.1'),
    ];
    const generated = generate(learn([session(events, 'r1')]));
    const { filesystem_policy: files, network_policies: network } = sandboxOf(generated);
    expect(files).toEqual({ include_workdir: false, read_only: ['/srv/app/a.txt'], read_write: [] });
    const binaries = [{ path: '/usr/bin/node' }];
    expect(Object.values(network)).toEqual([
      { name: 'reach-api-example-com', endpoints: [{ host: 'api.example.com', ports: [443] }], binaries },
      {
        name: 'reach-db-corp-example',
        endpoints: [{ host: 'db.corp.example', ports: [443], allowed_ips: ['10.1.2.3/32'] }],
        binaries,
      },
    ]);
    expect(format('openshell', generated).notes.join('\n')).toMatch(/never the own machine: closed: reach_localhost/);
    // What lies in an open folder cannot be closed, and is said.
    const many = Array.from({ length: 3 }, (_, at) =>
      session(
        [...'abcdefgh'].map((name) => read(`/srv/app/${name}`)),
        `m${at}`,
      ),
    );
    expect(format('openshell', generate(learn(many))).text).toMatch(/^# {3}not expressed, file: in a folder .*\.env/m);
  });
});
