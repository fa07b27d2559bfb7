// A real coding agent from npm, with its whole child tree, against strace. Full lane: it is a hundred megabytes.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evidence } from '../evidence.js';
import { isFull } from '../scale.js';
import {
  cache,
  canary,
  lost,
  monitored,
  nothing,
  readTrace,
  recall,
  type Session,
  scratch,
  straceCommand,
} from '../support/index.js';

const version = '0.57.0';
const agent = join(cache, 'agents', `gemini-cli-${version}`, 'node_modules', '.bin', 'gemini');

/** What the stand-in model asks the agent to do: a file, a pipe, and a process that leaves its parent. */
const mark = canary();
const command = `echo ${mark} > ${mark}; ls | wc -l; (setsid sleep 0.3 &); sh -c 'exit 3'`;

/** A model API of the shape that the agent speaks: first a tool call, and after its result the last word. */
async function startModel(): Promise<{ url: string; requests: string[]; close(): void }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      requests.push(request.url ?? '');
      const asked = JSON.parse(body || '{}') as { contents?: { parts?: object[] }[] };
      const answered = asked.contents?.some(({ parts }) => parts?.some((part) => 'functionResponse' in part));
      const call = { functionCall: { name: 'run_shell_command', args: { command, description: 'work' } } };
      const content = { role: 'model', parts: [answered ? { text: 'done' } : call] };
      const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 };
      const text = JSON.stringify({ candidates: [{ content, finishReason: 'STOP', index: 0 }], usageMetadata });
      response.setHeader('content-type', 'text/event-stream');
      response.end(`data: ${text}\r\n\r\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, requests, close: () => server.close() };
}

describe.runIf(isFull)('a real coding agent', () => {
  const folder = scratch();
  const home = join(folder, 'home');
  const work = join(folder, 'work');
  let model: Awaited<ReturnType<typeof startModel>>;

  beforeAll(async () => {
    if (!existsSync(agent)) {
      const prefix = join(agent, '..', '..', '..');
      mkdirSync(prefix, { recursive: true });
      const install = ['install', '--no-audit', '--no-fund', '--prefix', prefix, `@google/gemini-cli@${version}`];
      execFileSync('npm', install, { stdio: 'ignore', cwd: prefix });
    }
    mkdirSync(join(home, '.gemini'), { recursive: true });
    mkdirSync(work);
    const settings = {
      security: { auth: { selectedType: 'gemini-api-key' } },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
    };
    writeFileSync(join(home, '.gemini', 'settings.json'), JSON.stringify(settings));
    model = await startModel();
  }, 600_000);

  afterAll(() => model?.close());

  async function compare(name: string, args: string[]): Promise<Session> {
    const trace = join(folder, `${name}.strace`);
    const env = { ...process.env, HOME: home, GEMINI_API_KEY: 'none', GOOGLE_GEMINI_BASE_URL: model.url };
    const session = await monitored(straceCommand(trace, [agent, ...args]), { cwd: work, env, timeout: 280_000 });
    expect(session.code, session.stderr).toBe(0);
    expect(lost(session.events)).toEqual({});
    const { difference, compared } = recall(readTrace(trace, work), session.events);
    evidence('agent', { [`gemini-cli ${version} ${name}`]: compared });
    expect(difference).toEqual(nothing);
    return session;
  }

  it.each(['--version', '--help'])('has its whole tree in the log: %s', { timeout: 300_000 }, async (flag) => {
    await compare(flag.slice(2), [flag]);
  });

  it('has what its model made it do in the log', { timeout: 300_000 }, async () => {
    const prompt = ['--yolo', '--skip-trust', '-m', 'gemini-2.5-flash', '-p', 'please work'];
    const session = await compare('prompt', prompt);
    expect(readFileSync(join(work, mark), 'utf8')).toBe(`${mark}\n`);
    expect(model.requests.length).toBeGreaterThanOrEqual(2);
    const port = Number(new URL(model.url).port);
    expect(
      session.events.some(({ event_type, dest_port }) => event_type === 'network_connect' && dest_port === port),
    ).toBe(true);
    const shell = session.events.find(
      ({ event_type, argv }) => event_type === 'process_exec' && argv?.some((word) => word.includes(mark)),
    );
    expect(shell).toBeDefined();
    const made = session.events.find(
      ({ event_type, path }) => event_type === 'file_create' && path === join(work, mark),
    );
    expect(made).toBeDefined();
    // From the file's maker up to the agent: every parent is in the log.
    const parents = new Map(
      session.events.filter(({ event_type }) => event_type === 'process_fork').map(({ pid, ppid }) => [pid, ppid]),
    );
    let at = made?.pid;
    while (at !== undefined && parents.has(at)) at = parents.get(at);
    const root = session.events.find(({ event_type }) => event_type === 'process_exec');
    expect(at).toBe(root?.pid);
  });
});
