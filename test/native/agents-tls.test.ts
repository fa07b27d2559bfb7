// Coding agents from npm whose model is scripted, and what of their words is in the log. Each has a home folder of its
// own, no credentials, and a network that has nothing but the stand-in. Full lane: they are 1.5 GB.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AGENTS, type Agent, type Asked, agentProgram, pointAgent, type ToolCall } from '../../eval/agents/index.mjs';
import { evidence } from '../evidence.js';
import { isFull } from '../scale.js';
import { canary, type Event, lost, monitored, type Session, scratch, signedCertificate } from '../support/index.js';

const folder = scratch();

/** A model in a network namespace of its own, where nothing else is. */
async function startAlone(options: object): Promise<{ process: ChildProcess; asked: () => Promise<Asked[]> }> {
  const program = fileURLToPath(new URL('../../eval/agents/serve.mjs', import.meta.url));
  const words = ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, program];
  const child = spawn('unshare', [...words, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const asked = async (): Promise<Asked[]> => {
    const said: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => said.push(bytes));
    child.stdin.end();
    await once(child, 'close');
    return JSON.parse(Buffer.concat(said).toString()) as Asked[];
  };
  return { process: child, asked };
}

interface Worked {
  session: Session;
  asked: Asked[];
  call: ToolCall;
  command: string;
}

/** Lets an agent do what its model asks for, which is to run a command that leaves a file. */
async function work(agent: Agent, { streams = true }: { streams?: boolean } = {}): Promise<Worked> {
  const place = mkdtempSync(join(folder, 'work-'));
  const home = join(place, 'home');
  mkdirSync(home);
  const { ca, cert, key } = signedCertificate(place);
  const mark = canary();
  const command = `echo ${mark} > ${mark}; sh -c "exit 3"`;
  const call = agent.shell(command);
  const model = await startAlone({ plan: [call], cert, key, port: 443, streams });
  const pointed = pointAgent(agent, { home, url: 'https://localhost' });
  const own = { NODE_EXTRA_CA_CERTS: ca, SSL_CERT_FILE: ca, ...pointed.env };
  const session = await monitored(pointed.command, {
    under: ['nsenter', `--net=/proc/${model.process.pid}/ns/net`, '--'],
    flags: ['--capture-tls'],
    cwd: place,
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: place, ...own },
    timeout: 200_000,
  });
  expect(session.code, session.stderr).toBe(0);
  expect(readFileSync(join(place, mark), 'utf8')).toBe(`${mark}\n`);
  expect(lost(session.events)).toEqual({});
  return { session, asked: await model.asked(), call, command };
}

const of = ({ events }: Session, type: string): Event[] => events.filter(({ event_type }) => event_type === type);

/** The log holds what the model was asked, what it said, what that cost, and what the agent did for it. */
function expectRead({ api }: Agent, { session, asked, call, command }: Worked): void {
  const requests = of(session, 'llm_request').map(({ llm_api, streamed }) => ({ llm_api, streamed }));
  expect(requests).toEqual(asked.map(({ streamed }) => ({ llm_api: api, streamed })));
  const cost = of(session, 'llm_response').map(({ input_tokens, output_tokens, incomplete }) => ({
    input: input_tokens,
    output: output_tokens,
    incomplete,
  }));
  expect(cost).toEqual(asked.map(({ usage }) => usage));
  const bodies = new Map(of(session, 'http_request').map(({ seq, content_bytes }) => [seq, content_bytes]));
  expect(of(session, 'llm_request').map(({ cause_seq }) => bodies.get(Number(cause_seq)))).toEqual(
    asked.map(({ bytes }) => bytes),
  );
  const calls = of(session, 'tool_call');
  expect(calls).toMatchObject([{ tool: call.name, arguments: JSON.stringify(call.args) }]);
  const execs = of(session, 'process_exec').filter(({ argv }) => argv?.some((word) => word.includes(command)));
  expect(execs.length).toBeGreaterThan(0);
  expect(execs[0]).toMatchObject({ cause_seq: calls[0]?.seq, cause_by: 'command' });
  const covered = of(session, 'tls_coverage');
  expect(covered.map(({ coverage }) => coverage)).toEqual(covered.map(() => 'read'));
  expect(covered.length).toBeGreaterThan(0);
}

describe.runIf(isFull)('a coding agent', () => {
  beforeAll(() => {
    for (const agent of Object.values(AGENTS)) agentProgram(agent);
  }, 900_000);

  it.each(['gemini', 'claude', 'opencode', 'qwen'] as const)(
    '%s is read, and joined to what it does',
    {
      timeout: 240_000,
    },
    async (name) => {
      const agent = AGENTS[name];
      const worked = await work(agent);
      expect(worked.asked.some(({ streamed }) => streamed)).toBe(true);
      expectRead(agent, worked);
      const [covered] = of(worked.session, 'tls_coverage');
      evidence('agents', {
        [`${agent.package} ${agent.version}`]: {
          library: String(covered?.tls_libraries),
          requests: worked.asked.length,
          plaintext_out: Number(covered?.plaintext_out),
          plaintext_in: Number(covered?.plaintext_in),
        },
      });
    },
  );

  it('claude is read when its model does not stream', { timeout: 240_000 }, async () => {
    const worked = await work(AGENTS.claude, { streams: false });
    expect(worked.asked.every(({ streamed }) => !streamed)).toBe(true);
    expect(of(worked.session, 'llm_response').filter(({ http_status }) => http_status === 200)).toHaveLength(2);
  });

  it.each([
    ['codex', /rustls/],
    ['copilot', /library was not used/],
  ] as const)('%s is not read, and looks so', { timeout: 240_000 }, async (name, reason) => {
    const { session, asked } = await work(AGENTS[name]);
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect(of(session, 'llm_request')).toEqual([]);
    const blind = of(session, 'tls_coverage').filter(({ coverage }) => coverage === 'blind');
    expect(blind.length).toBeGreaterThan(0);
    expect(blind[0]?.reason).toMatch(reason);
  });
});
