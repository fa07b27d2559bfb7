// A real coding agent from npm, with its whole child tree, against strace. Full lane: it is a hundred megabytes.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENTS, agentProgram, pointAgent, startModel } from '../../eval/agents/index.mjs';
import { evidence } from '../evidence.js';
import { isFull } from '../scale.js';
import {
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

const { gemini } = AGENTS;

/** What the stand-in model asks the agent to do: a file, a pipe, and a process that leaves its parent. */
const mark = canary();
const command = `echo ${mark} > ${mark}; ls | wc -l; (setsid sleep 0.3 &); sh -c 'exit 3'`;

describe.runIf(isFull)('a real coding agent', () => {
  const folder = scratch();
  const home = join(folder, 'home');
  const work = join(folder, 'work');
  let model: Awaited<ReturnType<typeof startModel>>;

  beforeAll(async () => {
    agentProgram(gemini);
    mkdirSync(home);
    mkdirSync(work);
    model = await startModel({ plan: [gemini.shell(command)] });
  }, 600_000);

  afterAll(() => model?.close());

  async function compare(name: string, args?: string[]): Promise<Session> {
    const trace = join(folder, `${name}.strace`);
    const { command: whole, env: own } = pointAgent(gemini, { home, url: `http://127.0.0.1:${model.port}` });
    const command = args === undefined ? whole : [agentProgram(gemini), ...args];
    const env = { ...process.env, HOME: home, ...own };
    const session = await monitored(straceCommand(trace, command), { cwd: work, env, timeout: 280_000 });
    expect(session.code, session.stderr).toBe(0);
    expect(lost(session.events)).toEqual({});
    const { difference, compared } = recall(readTrace(trace, work), session.events);
    evidence('agent', { [`gemini-cli ${gemini.version} ${name}`]: compared });
    expect(difference).toEqual(nothing);
    return session;
  }

  it.each(['--version', '--help'])('has its whole tree in the log: %s', { timeout: 300_000 }, async (flag) => {
    await compare(flag.slice(2), [flag]);
  });

  it('has what its model made it do in the log', { timeout: 300_000 }, async () => {
    const session = await compare('prompt');
    expect(readFileSync(join(work, mark), 'utf8')).toBe(`${mark}\n`);
    expect(model.requests.length).toBeGreaterThanOrEqual(2);
    expect(
      session.events.some(({ event_type, dest_port }) => event_type === 'network_connect' && dest_port === model.port),
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
