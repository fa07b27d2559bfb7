import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../../src/cli.js';
import type { AgentEvent } from '../../../src/events/index.js';
import { Engine, fitTemplate, loadPolicy, parsePolicy, templates } from '../../../src/policy/index.js';

const folder = mkdtempSync(join(tmpdir(), 'agentgov-init-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../../../templates/policies/${name}.yaml`, import.meta.url));
const known = await templates();

it('has a policy for each agent that the documents name', () => {
  expect(known.map(({ name }) => name)).toEqual([
    'claude-code',
    'codex',
    'gemini-cli',
    'generic',
    'openclaw',
    'opencode',
    'python',
  ]);
});

it('has the same kit in all of them', () => {
  const kits = known.map(({ name }) => readFileSync(fileOf(name), 'utf8').split('# ---- The kit')[1]);
  expect(new Set(kits).size).toBe(1);
  expect(kits[0]).toBeDefined();
});

const open = (path: string, more: AgentEvent = {}): AgentEvent => ({
  event_type: 'file_open',
  access: 'read',
  path,
  exe: '/usr/bin/bash',
  ...more,
});
const run = (path: string, more: AgentEvent = {}): AgentEvent => ({
  event_type: 'process_exec',
  path,
  exe: path,
  ...more,
});
const CLOSED: [AgentEvent, string][] = [
  [open('/home/u/.ssh/id_ed25519'), 'BLOCK'],
  [open('/root/.aws/credentials'), 'BLOCK'],
  [open('/workspace/app/.env'), 'BLOCK'],
  [open('/workspace/.env.local'), 'BLOCK'],
  [open('/etc/shadow'), 'BLOCK'],
  [open('/proc/17/environ'), 'BLOCK'],
  [open('/home/u/.npmrc'), 'HUMAN_APPROVAL'],
  [open('/home/u/.bashrc', { access: 'write' }), 'HUMAN_APPROVAL'],
  [{ event_type: 'file_create', access: 'write', path: '/workspace/.git/hooks/pre-commit' }, 'HUMAN_APPROVAL'],
  [{ event_type: 'file_rename', path: '/tmp/x', path_to: '/home/u/.config/systemd/user/a.service' }, 'HUMAN_APPROVAL'],
  [{ event_type: 'file_link', path: '/home/u/.ssh/id_ed25519', path_to: '/workspace/key' }, 'BLOCK'],
  [{ event_type: 'file_delete', path: '/workspace/agentgov.yaml' }, 'BLOCK'],
  [open('/var/log/agentgov/a/audit.jsonl', { access: 'write' }), 'BLOCK'],
  [{ event_type: 'unix_connect', path: '/run/docker.sock' }, 'BLOCK'],
  [{ event_type: 'unix_connect', path: '/run/user/1000/bus' }, 'BLOCK'],
  [{ event_type: 'network_connect', dest_ip: '169.254.169.254', dest_port: 80 }, 'BLOCK'],
  [{ event_type: 'network_connect', dest_ip: '203.0.113.9', dest_port: 443 }, 'BLOCK'],
  [{ event_type: 'ptrace', target_pid: 1 }, 'BLOCK'],
  [run('/tmp/dropped'), 'BLOCK'],
  // What the agent wrote itself, also under the names of agents.
  [run('/tmp/dropped', { written: true }), 'BLOCK'],
  [run('/home/u/.cache/x', { written: true }), 'BLOCK'],
  [run('/tmp/@anthropic-ai/claude-code/bin/claude.exe', { written: true }), 'BLOCK'],
  [run('/tmp/@openai/codex/vendor/x/bin/codex', { written: true }), 'BLOCK'],
  [run('/tmp/opencode.exe', { written: true }), 'BLOCK'],
  [run('/usr/bin/dash', { script: '/tmp/x.sh', script_written: true, interpreter: '/usr/bin/dash' }), 'BLOCK'],
  [run('/workspace/target/tool', { written: true }), 'HUMAN_APPROVAL'],
];
const OPEN: AgentEvent[] = [
  open('/home/u/.ssh/known_hosts'),
  open('/usr/lib/x.so'),
  open('/workspace/src/a.ts', { access: 'read_write' }),
  { event_type: 'file_rename', path: '/workspace/a', path_to: '/workspace/b' },
  run('/usr/bin/git'),
  { event_type: 'network_connect', dest_ip: '127.0.0.1', dest_port: 8080 },
  { event_type: 'network_send', dest_ip: '192.0.2.53', dest_port: 53, protocol: 'udp' },
];

describe.each(known)('$name', async ({ name }) => {
  const policy = await loadPolicy(fileOf(name));
  const engine = new Engine(policy);

  it('loads without a note, names every class, and is in audit mode', () => {
    expect(policy.notes).toEqual([]);
    expect(policy.document.mode).toBe('audit');
  });

  it.each(CLOSED)('%j', (event, action) => {
    expect(engine.decide(event)?.action).toBe(action);
  });

  it.each(OPEN)('%j', (event) => {
    expect(engine.decide(event)?.action).toBe('ALLOW');
  });

  it('is fitted to project, name servers and registries, and loads again', async () => {
    const home = mkdtempSync(join(folder, 'home-'));
    writeFileSync(
      join(home, '.npmrc'),
      'registry=https://user:hunter2@npm.example.net/x/\n@own:registry = "https://own.example.net/"\n@lan:registry=http://lan.example.net:4873/\n//npm.example.net/:_authToken=t\n',
    );
    mkdirSync(join(home, '.cargo'));
    writeFileSync(
      join(home, '.cargo', 'config.toml'),
      '[source.mirror]\nregistry = "sparse+https://crates2.example.net/"\n# index = "https://no.example.net"\n[registries]\nx = { index = \'https://crates3.example.net/git\' }\n',
    );
    mkdirSync(join(home, '.config', 'go'), { recursive: true });
    writeFileSync(join(home, '.config', 'go', 'env'), 'GOPROXY=https://go3.example.net,off\n');
    const { text, notes } = await fitTemplate(name, {
      workspace: '/srv/a*b',
      home,
      env: {
        PIP_INDEX_URL: 'https://py.example.net/simple',
        GOPROXY: 'https://go.example.net|https://u:hunter2@go2.example.net,direct',
        CARGO_REGISTRIES_OWN_INDEX: 'sparse+https://crates.example.net/index/',
      },
      agentId: 'mine',
      resolvConf: '# no\nnameserver 192.0.2.53\nnameserver nonsense\n',
    });
    const fitted = new Engine(parsePolicy(Buffer.from(text), 'fitted'));
    expect(notes).toEqual([]);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('/workspace');
    expect(fitted.policy.document.agent_id).toBe('mine');
    const decide = (event: AgentEvent) => fitted.decide(event)?.action;
    expect(decide(open('/srv/a*b/x', { access: 'write' }))).toBe('ALLOW');
    expect(decide(open('/srv/aXb/x', { access: 'write' }))).toBe('BLOCK');
    expect(decide({ event_type: 'network_send', dest_ip: '192.0.2.53', dest_port: 53 })).toBe('ALLOW');
    expect(decide({ event_type: 'network_send', dest_ip: '192.0.2.54', dest_port: 53 })).toBe('BLOCK');
    for (const host of ['npm', 'own', 'py', 'go', 'go2', 'go3', 'crates', 'crates2', 'crates3']) {
      const dest_domain = `${host}.example.net`;
      expect([host, decide({ event_type: 'network_connect', dest_domain, dest_port: 443 })]).toEqual([host, 'ALLOW']);
    }
    const own = (dest_port: number) =>
      decide({ event_type: 'network_connect', dest_domain: 'lan.example.net', dest_port });
    expect([own(4873), own(443)]).toEqual(['ALLOW', 'BLOCK']);
    expect(text).not.toContain('no.example.net');
  });
});

it.each([
  [
    'claude-code',
    '/root/.claude/.credentials.json',
    { exe: '/usr/lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe' },
  ],
  [
    'codex',
    '/home/u/.codex/auth.json',
    { exe: '/usr/lib/node_modules/@openai/codex/vendor/x86_64-unknown-linux-musl/bin/codex' },
  ],
  [
    'gemini-cli',
    '/home/u/.gemini/oauth_creds.json',
    { script: '/usr/lib/node_modules/@google/gemini-cli/bundle/gemini.js' },
  ],
  [
    'openclaw',
    '/home/u/.openclaw/agents/main/agent/auth-profiles.json',
    { script: '/usr/lib/node_modules/openclaw/dist/index.js' },
  ],
  [
    'opencode',
    '/home/u/.local/share/opencode/auth.json',
    { exe: '/usr/lib/node_modules/opencode-ai/bin/opencode.exe' },
  ],
])('%s reads its own credentials, and its children do not', async (name, path, who) => {
  const engine = new Engine(await loadPolicy(fileOf(name)));
  expect(engine.decide(open(path), who)?.action).toBe('ALLOW');
  expect(engine.decide(open(path))?.action).toBe('BLOCK');
});

it('lets opencode map the libraries that it unpacks, and nothing else', async () => {
  const engine = new Engine(await loadPolicy(fileOf('opencode')));
  const decide = (path: string, exe: string) => engine.decide(run(path, { written: true }), { exe })?.action;
  const program = '/usr/lib/node_modules/opencode-ai/bin/opencode.exe';
  expect(decide('/tmp/.5eff5f16fdbfdf4f-00000001.node', program)).toBe('ALLOW');
  expect(decide('/tmp/.5eff5f16fdbfdf4f-00000001.node', '/usr/bin/dash')).toBe('BLOCK');
  expect(decide('/tmp/tool', program)).toBe('BLOCK');
});

it('init writes a policy once', async () => {
  const file = join(folder, 'agentgov.yaml');
  expect(await main(['init', 'codex', '-o', file, '--workspace', folder])).toBe(0);
  expect((await loadPolicy(file)).document.agent_id).toBe('codex');
  expect(await main(['init', 'codex', '-o', file])).toBe(2);
  expect(await main(['init', 'python', '-o', file, '--force', '--agent-id', 'x'])).toBe(0);
  expect((await loadPolicy(file)).document.agent_id).toBe('x');
  expect(await main(['init', 'nobody'])).toBe(2);
});
