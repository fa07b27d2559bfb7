import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { main } from '../../../src/cli.js';
import type { AgentEvent } from '../../../src/events/index.js';
import { Engine, type Policy } from '../../../src/policy/index.js';
import {
  assess,
  diffProfiles,
  expectedNew,
  generate,
  newByHour,
  newProfile,
  parseProfile,
  profileSchemaText,
  profileText,
  summarise,
} from '../../../src/profile/index.js';
import { shapeOf } from '../../../src/profile/shape.js';
import { chain, type Fields, folder, joined } from '../audit/logs.js';
import { learn } from './agent.js';

const NODE = '/usr/bin/node';
let sessions = 0;

/** A recording: a session of agent `a` whose root is process 7. */
function session(events: object[], more: object = {}): AgentEvent[] {
  const id = `s${sessions++}`;
  const start = { event_type: 'session_start', session_id: id, run_id: `r${id}`, target_pids: ['7'], tier: 'lsm' };
  const ms = (index: number): number => 1000 * Math.min(index, events.length);
  return [{ ...start, ...more }, ...events, { event_type: 'session_end', session_id: id }].map((event, index) => ({
    action: 'OBSERVED',
    agent_id: 'a',
    pid: 7,
    exe: NODE,
    timestamp: new Date(Date.UTC(2026, 3, 14) + ms(index)).toISOString(),
    ts_us: 1000 * ms(index),
    ...event,
  })) as AgentEvent[];
}
const read = (path: string, more: object = {}): object => ({ event_type: 'file_open', access: 'read', path, ...more });
const reach = (host: string, more: object = {}): object => ({
  event_type: 'network_connect',
  dest_domain: host,
  dest_ip: '192.0.2.1',
  dest_port: 443,
  protocol: 'tcp',
  ...more,
});

describe('a profile', () => {
  it('says who did what, how often, when, and in how many runs', () => {
    const first = session([
      { event_type: 'process_fork', pid: 8, ppid: 7 },
      read('/w/a', { count: 4 }),
      { event_type: 'process_exec', pid: 8, ppid: 7, exe: '/bin/sh', path: '/bin/sh' },
      read('/w/a', { pid: 8, exe: '/bin/sh' }),
      reach('api.example.com'),
      read('/proc/7/status'),
      read('/proc/9/status'),
      read('/w/none', { errno: 2 }),
      read('/w/blocked', { action: 'BLOCKED' }),
    ]);
    // In mode audit the verdict is an event beside that of the call.
    const second = session([read('/w/a'), read('/w/a', { action: 'WOULD_BLOCK' })]);
    const { programs } = JSON.parse(profileText(learn([first, second]))) as {
      programs: { exe: string; role: string; entries: object[] }[];
    };
    expect(programs.map(({ exe, role }) => [exe, role])).toEqual([
      [NODE, 'agent'],
      ['/bin/sh', 'child'],
    ]);
    expect(programs[0]?.entries).toEqual([
      expect.objectContaining({ do: 'exec', path: '/bin/sh' }),
      expect.objectContaining({
        do: 'network_connect',
        domain: 'api.example.com',
        port: 443,
        addresses: ['192.0.2.1'],
      }),
      expect.objectContaining({ do: 'read', path: '/proc/*/status' }),
      expect.objectContaining({ do: 'read', path: '/proc/self/status' }),
      {
        do: 'read',
        path: '/w/a',
        first: '2026-04-14T00:00:01.000Z',
        last: '2026-04-14T00:00:02.000Z',
        sessions: [
          [0, 4],
          [1, 1],
        ],
      },
    ]);
  });

  it('says for which tools a thing was done, in the policy too', () => {
    const call = (seq: number, tool: string): object => ({ event_type: 'tool_call', seq, tool });
    const run = { event_type: 'process_exec', path: '/usr/bin/git' };
    const first = session([
      call(50, 'Bash'),
      { ...run, cause_seq: 50, cause_by: 'command' },
      reach('api.example.com', { cause_seq: 50 }),
      // The number is another event's in the next log.
      reach('other.example.com'),
    ]);
    const second = session([
      call(3, 'Fetch\nall: ALLOW'),
      reach('api.example.com', { cause_seq: 3 }),
      reach('other.example.com', { cause_seq: 50 }),
    ]);
    const profile = learn([first, second]);
    const entries = [...profile.programs.values()].flatMap((program) => [...program.entries.values()]);
    const tools = new Map(entries.map(({ target, tools }) => [target.path ?? target.domain, [...tools].sort()]));
    expect(tools.get('/usr/bin/git')).toEqual(['Bash']);
    expect(tools.get('api.example.com')).toEqual(['Bash', 'Fetch\nall: ALLOW']);
    expect(tools.get('other.example.com')).toEqual([]);
    expect(profileText(parseProfile(profileText(profile), 'x'))).toBe(profileText(profile));
    const { text } = generate(profile);
    expect(text).toContain('2x in 2 runs, for Bash, Fetch?all: ALLOW\n');
    expect(text).toMatch(/git.* 1x in 1 run, for Bash\n/);
  });

  it('is partial, and says why', () => {
    const partial = (events: object[], more: object = {}): readonly string[] =>
      summarise(learn([session(events, more)])).partial;
    expect(partial([read('/w/a')])).toEqual([]);
    expect(partial([{ event_type: 'events_lost', count: 12 }])).toEqual([
      '12 events were lost while they were recorded',
    ]);
    expect(partial([{ event_type: 'io_uring_setup' }])).toHaveLength(1);
    // Killed: the agent went on, and nobody looked.
    const killed = session([read('/w/a')]).slice(0, -1);
    const reason = ['1 session without an end: what came behind it was not seen'];
    expect(summarise(learn([killed, session([read('/w/a')])])).partial).toEqual(reason);
    // A log of another writer knows no sessions, and none that began is not ended.
    expect(summarise(learn([killed.slice(1)])).partial).toEqual([]);
    // Seen while it was still being written, then whole.
    const whole = session([read('/w/a')]);
    const early = learn([whole.slice(0, -1)]);
    expect(summarise(early).partial).toEqual(reason);
    early.merge(learn([whole]));
    expect(summarise(early).partial).toEqual([]);
    expect(partial([read('/w/a')], { tier: 'observe' })).toEqual([expect.stringContaining('tier observe')]);
  });

  it('measures by the kernel’s clock, and notices when the wall clock jumps', () => {
    const events = session([read('/a/b'), read('/a/c'), read('/a/d')]);
    (events[2] as { timestamp: string }).timestamp = '2031-01-01T00:00:00.000Z';
    const summary = summarise(learn([events]));
    expect(summary).toMatchObject({ seconds: 3, jumps: 2 });
    expect(assess(summary).join('\n')).toMatch(/less than 48 hours, 48\.0 hours too few/);
    expect(assess(summary).join('\n')).toMatch(/jumped 2 times/);
  });

  it('estimates what is unseen from what was seen in one run', () => {
    const runs = [session([read('/w/a'), read('/w/b')]), session([read('/w/a'), read('/w/c'), read('/w/d')])];
    const summary = summarise(learn(runs));
    expect(summary).toMatchObject({ things: 4, inOneRun: 3, once: 3, runs: 2 });
    expect(expectedNew(summary)).toBe(15);
    expect(expectedNew(summarise(learn(runs.slice(0, 1))))).toBeUndefined();
    expect(newByHour(learn(runs), 24)).toEqual([4]);
  });

  it('that is damaged is refused with the line, and with what is wrong there', () => {
    const text = profileText(learn([session([read('/w/a'), read('/w/b')]), session([read('/w/a')])]));
    const fault = (from: string, to: string): string => {
      expect(text).toContain(from);
      try {
        parseProfile(text.replace(from, to), 'p.json');
      } catch (error) {
        return (error as Error).message;
      }
      return 'taken';
    };
    expect(fault('"path":"/w/b"', '"path":7')).toMatch(/^p\.json:7:\d+: .*damaged here \(must be string\)/);
    expect(fault('"exe":', '"exee":')).toMatch(/^p\.json:8:11: .*\(there is no key "exee"\)/);
    expect(fault('"verified":true', '"verified":1')).toMatch(/^p\.json:11:\d+: .*\(must be boolean\)/);
    expect(fault('"partial": []', '"partial": [')).toMatch(/^p\.json:3:13: this is no JSON/);
    expect(() => parseProfile(text.slice(0, text.indexOf('"path"')), 'p.json')).toThrow(
      /^p\.json:6:\d+: this is no JSON/,
    );
    expect(() => parseProfile('', 'p.json')).toThrow(/^p\.json:1:1: this is no JSON/);
    expect(() => parseProfile('[]', 'p.json')).toThrow(/^p\.json:1:1: this is no profile/);
  });

  it('has the schema that is published (UPDATE_DOCS=1 writes it)', () => {
    const file = join(import.meta.dirname, '../../../templates/schema/profile.schema.json');
    if (process.env.UPDATE_DOCS) writeFileSync(file, profileSchemaText());
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(profileSchemaText()));
  });

  it.each([
    ['{', /^p\.json:1:2: this is no JSON/],
    ['{"format":"other"}', /^p\.json:1:11: this is no profile: give/],
    [
      '{"format":"agentgov-profile","version":2}',
      /^p\.json:1:40: this profile is of version 2, and this agentgov reads version 1/,
    ],
    ['{"format":"agentgov-profile","version":1}', /^p\.json:1:1: the profile is damaged here/],
    [
      profileText(learn([session([read('/w/a')])])).replace('"sessions":[[0,1]]', '"sessions":[[7,1]]'),
      /^p\.json:6:109: the profile is damaged here \(there is no session 7\)/,
    ],
  ])('that is none is refused: %#', (text, message) => {
    expect(() => parseProfile(text, 'p.json')).toThrow(message);
  });
});

describe('shapes of names', () => {
  it.each([
    ['/w/plan.md', '/w/plan.md', '/w/plan.md'],
    ['/w/libx.so.1.2.3', '/w/libx.so.1.2.3', '/w/libx.so.*'],
    ['/w/log-2026-04-14.txt', '/w/log-2026-04-14.txt', '/w/log-*.txt'],
    ['/w/123e4567-e89b-42d3-a456-426614174000', '/w/*', '/w/*'],
    ['/w/objects/ab/0123456789abcdef0123456789abcdef01234567', '/w/objects/ab/*', '/w/objects/ab/*'],
    ['/w/cache-3f9a21c', '/w/cache-3f9a21c', '/w/cache-*'],
    ['/tmp/tmpz8k3x_1a/data', '/tmp/tmp*/data', '/tmp/tmp*/data'],
    ['/tmp/npm-Ab3Xy9', '/tmp/npm-*', '/tmp/npm-*'],
    ['/w/settings.json.tmp.1776156181234', '/w/settings.json.tmp.*', '/w/settings.json.tmp.*'],
    ['/proc/self/task/44/stat', '/proc/*/task/*/stat', '/proc/*/task/*/stat'],
    ['/w/a*b\\c', '/w/a\\*b\\\\c', '/w/a\\*b\\\\c'],
    ['/w/two\nlines', '/w/two*lines', '/w/two*lines'],
  ])('%j', (path, sure, likely) => {
    expect(shapeOf(path)).toMatchObject({ sure, likely });
  });
});

/** The agent's ordinary work, in `count` runs that differ as real ones do. */
const work = (count: number): AgentEvent[][] =>
  Array.from({ length: count }, (_, run) =>
    session([
      { event_type: 'process_exec', path: NODE },
      ...Array.from({ length: 6 }, (_, at) =>
        read(`/work/app/src/module-${String.fromCharCode(97 + ((3 * run + at) % 20))}.ts`),
      ),
      read('/usr/lib/libnode.so.115'),
      { event_type: 'file_create', access: 'write', path: `/tmp/build-Xy${run}z9Qk/out.js` },
      reach('api.example.com'),
      { event_type: 'process_exec', path: '/usr/bin/git' },
      read('/home/ann/.netrc'),
    ]),
  );

describe('a generated policy', () => {
  it('generalises by evidence, and says what each rule rests on', () => {
    const { text, policy } = generate(learn(work(5)));
    expect(text).toMatch(/path_prefix:\n +- "\/work\/app\/src\/" # 30x in 5 runs: 18 paths in it/);
    expect(text).toMatch(/path_prefix:\n +- "\/tmp\/build-\*\/" # 10x in 5 runs/);
    expect(text).toContain('- "/usr/bin/git" # 5x in 5 runs');
    expect(text).toContain('- "/home/ann/.netrc" # 5x in 5 runs');
    expect(policy.document.default_action).toEqual({
      file: 'BLOCK',
      exec: 'BLOCK',
      network: 'BLOCK',
      tool: 'HUMAN_APPROVAL',
    });
    expect(policy.document.mode).toBe('audit');
  });

  it('lets the C library read what it reads by chance, seen or not, and nobody write it', () => {
    const facts = [
      '/proc/sys/vm/overcommit_memory',
      '/sys/devices/system/cpu/online',
      '/sys/devices/system/cpu/possible',
    ];
    for (let seen = 0; seen <= facts.length; seen++) {
      const { policy } = generate(learn([session(['/w/a', ...facts.slice(0, seen)].map((path) => read(path)))]));
      const engine = new Engine(policy);
      for (const path of facts) {
        expect(engine.decide(read(path) as AgentEvent)?.action).toBe('ALLOW');
        expect(engine.decide(read(path, { access: 'write' }) as AgentEvent)?.action).toBe('BLOCK');
      }
    }
  });

  it('makes no folder of what was seen in two runs only', () => {
    expect(generate(learn(work(2))).text).not.toContain('/work/app/src/"');
  });

  const create = (path: string): object => ({ event_type: 'file_create', access: 'create', path });
  const remove = (path: string): object => ({ event_type: 'file_delete', path });
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const answers = (policy: Policy, ...events: object[]) =>
    events.map((event) => new Engine(policy).decide(event as AgentEvent)?.action);

  it.each([
    ['five names, each in a run of its own', 5, true],
    ['four', 4, false],
  ])('makes a folder of %s', (_, runs, isFolder) => {
    const { text } = generate(
      learn(letters.slice(0, runs).map((name) => session([create(`/work/app/notes/${name}.md`)]))),
    );
    expect(text.includes('- "/work/app/notes/"')).toBe(isFolder);
  });

  it('makes a folder of many names in several of its folders', () => {
    const run = (part: number) =>
      letters.slice(8 * part, 8 * part + 8).flatMap((name) => [create(`/work/app/${'xyz'[part]}/${name}`)]);
    const [x = [], y = [], z = []] = [run(0), run(1), run(2)];
    // Eight in each of three folders, in three runs, none of which has eight of one folder in three runs.
    const { policy } = generate(learn([session([...x, ...y]), session([...y, ...z]), session([...x, ...z])]));
    expect(answers(policy, create('/work/app/w/other'), create('/work/other'))).toEqual(['ALLOW', 'BLOCK']);
    const fewer = generate(learn([session(x), session(x), session(y)])).policy;
    expect(answers(fewer, create('/work/app/w/other'))).toEqual(['BLOCK']);
  });

  it('counts what was changed in a folder together, but opens it only for what was done, and never by reading', () => {
    const runs = letters.slice(0, 5).map((name, at) => {
      const path = `/work/app/out/${name}`;
      return session([at % 2 === 0 ? create(path) : remove(path), read('/work/app/in/one')]);
    });
    const { policy } = generate(learn(runs));
    const path = '/work/app/out/new';
    expect(answers(policy, create(path), remove(path))).toEqual(['ALLOW', 'ALLOW']);
    expect(answers(policy, read(path), { event_type: 'file_attr', path })).toEqual(['BLOCK', 'BLOCK']);
  });

  it('loads, however many paths one run has', { timeout: 60_000 }, () => {
    const paths = Array.from({ length: 10_001 }, (_, at) => read(`/usr/lib/part${at % 40}x/n${at}x`));
    const { policy } = generate(learn([session(paths)]));
    const named = policy.document.policies.flatMap(({ match }) => match.path ?? []);
    expect(named.filter((path) => path.startsWith('/usr/lib/part'))).toHaveLength(10_001);
  });

  it('sets apart what was seen in one run', () => {
    const { made } = generate(learn([...work(3), session([read('/opt/tool/once')])]));
    const once = made.filter(({ section }) => section === 'once');
    expect(once.flatMap(({ rule }) => rule.match.path)).toContain('/opt/tool/once');
  });

  it('names its agent, and asks which where there are several', () => {
    const two = learn([...work(1), session([read('/w/b/c')], {}).map((event) => ({ ...event, agent_id: 'b' }))]);
    expect(() => generate(two)).toThrow(/of 2 agents: choose one with --agent-id \(a, b\)/);
    expect(() => generate(two, 'c')).toThrow(/has no agent "c"; it has a, b/);
    const { policy } = generate(two, 'b');
    expect(policy.document.agent_id).toBe('b');
    expect(
      new Engine(policy).decide({ event_type: 'file_open', access: 'read', path: '/usr/lib/libnode.so.115' })?.action,
    ).toBe('BLOCK');
  });

  it('says that the profile is partial, and what no rule can name', () => {
    const profile = learn([session([read('pipe:[7]'), { event_type: 'events_lost', count: 1 }])]);
    const { text, notes } = generate(profile);
    expect(notes.join('\n')).toMatch(/PARTIAL/);
    expect(notes.join('\n')).toMatch(/no rule can name 1 thing, which would be blocked: read pipe:\[7\]/);
    for (const note of notes) expect(text).toContain(`# ${note}`);
  });

  it('says nothing of a profile without events', () => {
    expect(() => generate(newProfile())).toThrow(/holds nothing to make rules of/);
  });

  const clean = generate(learn(work(5)));
  const engine = new Engine(clean.policy);
  const open = (path: string, access = 'read'): AgentEvent => ({ event_type: 'file_open', access, path, exe: NODE });
  const ATTACKS: Record<string, AgentEvent> = {
    'reads a key': open('/home/ann/.ssh/id_ed25519'),
    'reads /etc/shadow': open('/etc/shadow'),
    'reads a secret in a folder that is open': open('/work/app/src/.env'),
    'reads another process’s environment': open('/proc/4242/environ'),
    'sends to a new host': { ...reach('paste.example.net'), exe: NODE } as AgentEvent,
    'sends to the known host with another program': { ...reach('api.example.com'), exe: '/usr/bin/curl' } as AgentEvent,
    'opens a shell to an address': {
      event_type: 'network_connect',
      dest_ip: '198.51.100.9',
      dest_port: 4444,
      protocol: 'tcp',
      exe: '/bin/bash',
    },
    'runs what it dropped': { event_type: 'process_exec', path: '/tmp/build-Xy0z9Qk/out.js' },
    'runs curl': { event_type: 'process_exec', path: '/usr/bin/curl' },
    'writes a start-up file': open('/home/ann/.bashrc', 'write'),
    'writes a hook': open('/work/app/.git/hooks/pre-commit', 'write'),
    'writes where it only reads': open('/work/app/src/module-a.ts', 'write'),
    'changes its policy': open('/work/app/agentgov.yaml', 'write'),
    'attaches to a process': { event_type: 'ptrace', exe: NODE },
    'asks the metadata service': {
      event_type: 'network_connect',
      dest_ip: '169.254.169.254',
      dest_port: 80,
      exe: NODE,
    },
  };
  it.each(Object.entries(ATTACKS))('does not allow that an agent %s', (_, event) => {
    expect(engine.decide(event)?.action).not.toBe('ALLOW');
  });
});

it('is not spoiled by a recording that no agentgov can have written', () => {
  const events = [
    ...[-1, 70_000].map((port) => reach('odd.example', { dest_port: port })),
    ...['/srv/../x', '/srv/.', '/./a', '/srv/..'].map((path) => read(path)),
    read('/srv/b'),
  ];
  const profile = parseProfile(profileText(learn([session(events)])), 'profile.json');
  const { text } = generate(profile);
  expect(text).toContain('"/srv/b"');
  expect(text).toMatch(/no rule can name 4 things/);
});

it('counts the runs of each thing apart, however many there are', () => {
  const runs = Array.from({ length: 40 }, (_, at) =>
    session([read('/w/always'), ...(at < 18 ? [read('/w/early')] : [])]),
  );
  const { text } = generate(learn(runs));
  expect(text).toContain('"/w/always" # 40x in 40 runs');
  expect(text).toContain('"/w/early" # 18x in 18 runs');
});

it('drift is what one profile has and the other has not, by shape', () => {
  const [before, after] = [learn(work(3)), learn([...work(4), session([reach('new.example'), read('/etc/shadow')])])];
  const { appeared } = diffProfiles(before, after);
  const objects = appeared.filter(({ object }) => !object.startsWith('/work/app/src/'));
  expect(objects).toEqual([
    expect.objectContaining({ do: 'read', object: '/etc/shadow', sensitive: 'secrets' }),
    expect.objectContaining({ do: 'network_connect', object: 'new.example:443', exe: NODE, times: 1, runs: 1 }),
  ]);
  expect(diffProfiles(after, before).appeared).toEqual([]);
});

describe('the commands', { timeout: 60_000 }, () => {
  async function cli(...words: string[]): Promise<{ code: number; out: string; err: string }> {
    const said = { out: '', err: '' };
    const into = (key: keyof typeof said) => (text: string | Uint8Array) => {
      said[key] += String(text);
      return true;
    };
    const out = vi.spyOn(process.stdout, 'write').mockImplementation(into('out'));
    const err = vi.spyOn(process.stderr, 'write').mockImplementation(into('err'));
    try {
      const code = await main(words);
      return { code, ...said };
    } finally {
      out.mockRestore();
      err.mockRestore();
      process.exitCode = 0;
    }
  }
  const log = (name: string, events: AgentEvent[], into: string): string => {
    const file = join(into, name);
    writeFileSync(file, joined(chain(events as Fields[])));
    return file;
  };

  it('learn from recordings, generate, and replay blocks nothing; diff shows the new', async () => {
    const at = folder();
    const logs = work(3).map((events, index) => log(`${index}.jsonl`, events, at));
    const profile = join(at, 'profile.json');
    const policy = join(at, 'policy.yaml');
    const learned = await cli('learn', '--from', ...logs.slice(0, 2), '--profile', profile);
    expect(learned).toMatchObject({ code: 0, out: '' });
    expect(learned.err).toContain('sensitive (client_credentials): read /home/ann/.netrc');
    expect(learned.err).toContain('less than 48 hours');
    const earlier = join(at, 'earlier.json');
    writeFileSync(earlier, readFileSync(profile));
    // The second one again: it is known.
    expect((await cli('learn', '--from', ...logs.slice(1), '--profile', profile)).err).toContain('3 runs, ');
    expect(await cli('generate', profile, '-o', policy)).toMatchObject({ code: 0, out: '' });
    expect(await cli('policy', 'check', policy)).toMatchObject({ code: 0 });
    const other = await cli('generate', profile, '--format', 'seccomp');
    expect(other).toMatchObject({ code: 0, err: expect.stringContaining('\nagentgov: not expressed, tool: ') });
    expect(JSON.parse(other.out)).toMatchObject({ defaultAction: 'SCMP_ACT_ALLOW' });
    expect(await cli('replay', policy, ...logs)).toMatchObject({ code: 0 });
    const drift = await cli('diff', earlier, profile, '--json');
    expect(drift.code).toBe(1);
    expect((JSON.parse(drift.out) as { appeared: object[] }).appeared.length).toBeGreaterThan(0);
    expect(await cli('diff', profile, earlier)).toMatchObject({ code: 0 });
    const more = [1, 2, 3].flatMap((name) => [
      read(`/w/log-${name}.txt`),
      { event_type: 'process_exec', path: `/w/bin/tool-${name}` },
      read(`/home/ann/.ssh/id_${name}`),
    ]);
    const grown = join(at, 'grown.json');
    writeFileSync(grown, readFileSync(profile));
    await cli('learn', '--from', log('more.jsonl', session(more), at), '--profile', grown);
    const { out } = await cli('diff', profile, grown);
    expect(out).toContain('9 new, 0 gone\n');
    expect(out).toContain(`+ read /w/log-*.txt by ${NODE} (3x under 3 names)\n`);
    // Each of these is a question of its own.
    expect(out.match(/^\+ exec \/w\/bin\/tool-\d.* \(1x in 1 run\)$/gm)).toHaveLength(3);
    expect(out.match(/^\+ read \/home\/ann\/\.ssh\/id_\d by .*\[sensitive: secrets\]$/gm)).toHaveLength(3);
  });

  it('refuse a recording that does not verify, and one without events', async () => {
    const at = folder();
    const profile = join(at, 'p.json');
    const file = log('a.jsonl', work(1)[0] as AgentEvent[], at);
    writeFileSync(file, readFileSync(file, 'utf8').replace('/usr/bin/git', '/usr/bin/got'));
    const refused = await cli('learn', '--from', file, '--profile', profile);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('does not verify') });
    expect(await cli('learn', '--from', file, '--unverified', '--profile', profile)).toMatchObject({ code: 0 });
    expect(summarise(parseProfile(readFileSync(profile, 'utf8'), profile)).partial).toEqual([
      '1 session from recordings that were not verified',
    ]);
    const empty = join(at, 'empty.jsonl');
    writeFileSync(empty, '');
    expect(await cli('learn', '--from', empty, '--profile', join(at, 'q.json'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('hold no event'),
    });
    expect(await cli('generate', join(at, 'none.json'))).toMatchObject({ code: 2 });
    expect(await cli('generate', profile, '--format', 'x')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--format takes one of agentgov'),
    });
  });
});
