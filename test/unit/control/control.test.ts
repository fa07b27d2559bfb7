import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  type ControlledEngine,
  type ControlServer,
  type EngineStatus,
  NoEngine,
  openControl,
  runtimeFolder,
  serveControl,
} from '../../../src/control/index.js';

const uid = process.getuid?.() ?? 0;
const servers: ControlServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
const folder = (): string => join(mkdtempSync(join(tmpdir(), 'agentgov-control-')), 'run');

const STATUS: EngineStatus = {
  agent_id: 'a',
  pid: process.pid,
  version: '0',
  mode: 'monitor',
  tier: 'observe',
  tier_reason: 'because',
  session_id: 's',
  started: '2026-04-14T09:23:01.234Z',
  log: '/tmp/a.jsonl',
  events: 1,
  lost: 0,
  rss_kb: 1,
  notes: [],
};

const engine = (over: Partial<ControlledEngine> = {}): ControlledEngine => ({
  status: async () => STATUS,
  stop: async () => ({ killed: 3, left: 0, log: STATUS.log }),
  detach: async () => ({ log: STATUS.log }),
  mode: async (mode, rule) => ({ mode, policy_sha256: 'f'.repeat(64), ...(rule === undefined ? {} : { rule }) }),
  reload: () => Promise.reject(new Error('p.yaml:3:1: is no policy.')),
  governs: async () => false,
  tables: () => Promise.reject(new Error('no kernel here.')),
  whoIs: async () => ({ pid: process.pid, uid, gid: 0 }),
  ...over,
});

async function serve(at: string, agentId: string, over: Partial<ControlledEngine> = {}): Promise<ControlServer> {
  const server = await serveControl({ folder: at, agentId, uid, engine: engine(over) });
  servers.push(server);
  return server;
}

describe('the control socket', () => {
  it('greets with the version, answers, and is for its owner only', async () => {
    const server = await serve(folder(), 'a');
    expect(statSync(server.path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(server.path, '..'))).toEqual(['a.sock']);
    const client = await openControl(server.path);
    expect(client.hello).toMatchObject({ msg: 'hello', protocol: 1, agent_id: 'a', pid: process.pid });
    expect(await client.request('status')).toMatchObject(STATUS);
    expect(await client.request('stop')).toMatchObject({ killed: 3, left: 0 });
    expect(await client.request('mode', { mode: 'audit', rule: 'r' })).toMatchObject({ mode: 'audit', rule: 'r' });
    await expect(client.request('reload')).rejects.toThrow('p.yaml:3:1: is no policy.');
    client.close();
  });

  it('goes away with its engine', async () => {
    const server = await serve(folder(), 'a');
    server.close();
    expect(existsSync(server.path)).toBe(false);
    await expect(openControl(server.path)).rejects.toThrow(NoEngine);
  });

  it.each<[string, Partial<ControlledEngine>, RegExp]>([
    ['a member of the tree', { governs: async (pid) => pid === process.pid }, /A governed process may not control/],
    ['a peer that nobody can identify', { whoIs: async () => undefined }, /cannot be identified/],
    ['a peer that has ended', { whoIs: async () => ({ pid: 4_194_303, uid, gid: 0 }) }, /cannot be identified/],
    ['another user', { whoIs: async () => ({ pid: process.pid, uid: uid + 1, gid: 0 }) }, /controlled by uid/],
    [
      'anyone while membership is unknown',
      { governs: () => Promise.reject(new Error('the loader is gone')) },
      /the loader is gone/,
    ],
  ])('refuses %s before it reads a word', async (_name, over, message) => {
    let asked = false;
    const server = await serve(folder(), 'a', {
      ...over,
      status: async () => {
        asked = true;
        return STATUS;
      },
    });
    await expect(openControl(server.path).then((client) => client.request('status'))).rejects.toThrow(message);
    expect(asked).toBe(false);
  });

  /** So many that connect, and what each is told first; they stay on the line whatever that is. */
  async function crowd(path: string, size: number): Promise<string[]> {
    const words = Array.from({ length: size }, async () => {
      const socket = connect({ path, allowHalfOpen: true }).on('error', () => {});
      onTestFinished(() => void socket.destroy());
      const [word] = (await once(socket, 'data')) as [Buffer];
      return String((JSON.parse(word.toString()) as { msg: unknown }).msg);
    });
    return Promise.all(words);
  }

  it('is not kept from others by those that it has refused and that stay on the line', async () => {
    let isGoverned = true;
    const server = await serve(folder(), 'a', { governs: async () => isGoverned });
    expect(await crowd(server.path, 32)).toEqual(Array(32).fill('refused'));
    isGoverned = false;
    const client = await openControl(server.path);
    expect(await client.request('stop')).toMatchObject({ killed: 3 });
    client.close();
  });

  it('says that it is busy, which is not what an engine says that has ended', async () => {
    const at = folder();
    const busy = await serve(at, 'busy', { governs: async () => false });
    expect(await crowd(busy.path, 32)).toEqual(Array(32).fill('hello'));
    await expect(openControl(busy.path)).rejects.toThrow(/speaking with 32 others/);
    // Whoever fills the places of the own engine is not believed to be in no tree because of that.
    const other = await serve(at, 'other');
    await expect(openControl(other.path).then((client) => client.request('stop'))).rejects.toThrow(
      /It cannot be made sure that this process is not governed: .*speaking with 32 others/,
    );
  });

  it('refuses a pid that was used again: its process is younger than the connection', async () => {
    const server = await serve(folder(), 'a', {
      whoIs: async () => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const child = spawn('/bin/sleep', ['5'], { stdio: 'ignore' });
        setTimeout(() => child.kill('SIGKILL'), 2000);
        await new Promise((resolve) => child.once('spawn', resolve));
        return { pid: child.pid ?? 0, uid, gid: 0 };
      },
    });
    await expect(openControl(server.path)).rejects.toThrow(/cannot be identified/);
  });

  it('asks again for each request: who connected in freedom may be governed by now', async () => {
    let governed = false;
    const server = await serve(folder(), 'a', { governs: async () => governed });
    const client = await openControl(server.path);
    expect(await client.request('status')).toMatchObject({ agent_id: 'a' });
    governed = true;
    await expect(client.request('stop')).rejects.toThrow(/governed process may not/);
  });

  it('refuses a process that another engine governs', async () => {
    const at = folder();
    const mine = await serve(at, 'mine');
    await serve(at, 'other', {
      governs: async (pid) => pid === process.pid,
      whoIs: async () => ({ pid: process.ppid, uid, gid: 0 }),
    });
    const client = await openControl(mine.path);
    await expect(client.request('stop')).rejects.toThrow(/governed process may not/);
  });

  // The silent engine listens in this process: it is what the sentence must name.
  it.each<[string, ControlledEngine['tables'], RegExp | undefined]>([
    ['lets the kernel say that the peer is free', async () => ({ member: false, tables: 2 }), undefined],
    ['lets the kernel say that it is not', async () => ({ member: true, tables: 2 }), /governed process may not/],
    [
      'refuses when the kernel cannot be asked',
      () => Promise.reject(new Error('no kernel here.')),
      new RegExp(
        `cannot be made sure.*silent.sock does not answer, and no kernel here; end .* \\(kill -9 ${process.pid}\\)`,
      ),
    ],
    [
      'refuses when the silent engine has no table any more',
      async () => ({ member: false, tables: 1 }),
      /cannot be made sure.*1 tables of members for 2 engines/,
    ],
  ])('does not take the silence of another engine for freedom: %s', async (_name, tables, message) => {
    const at = folder();
    const mine = await serve(at, 'mine', { tables });
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(join(at, 'silent.sock'), resolve));
    const client = await openControl(mine.path);
    const stop = client.request('stop', {}, 15_000);
    if (message) await expect(stop).rejects.toThrow(message);
    else expect(await stop).toMatchObject({ killed: 3 });
    silent.close();
  });

  it.each([
    ['no JSON', 'hello\n', /one JSON object/],
    ['an array', '[]\n', /one JSON object/],
    ['no id', '{"op":"stop"}\n', /integer id/],
    ['an unknown request', '{"op":"rm","id":1}\n', /knows the requests/],
    ['a line without end', 'x'.repeat(70_000), /at most 65536 bytes/],
  ])('answers %s with one sentence', async (_name, text, message) => {
    const server = await serve(folder(), 'a');
    const answer = await new Promise<string>((resolve) => {
      let said = '';
      const socket = connect(server.path, () => socket.write(text));
      socket.on('data', (chunk) => {
        said += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(said));
    });
    const refused = JSON.parse(answer.trim().split('\n').at(-1) ?? '') as { msg: string; text: string };
    expect(refused.msg).toBe('refused');
    expect(refused.text).toMatch(message);
  });
});

/** What an engine that was killed leaves: a name that nobody listens on. */
async function leaveDeadSocket(path: string): Promise<void> {
  const server = createServer().listen(`${path}-`);
  await once(server, 'listening');
  linkSync(`${path}-`, path);
  await new Promise((resolve) => server.close(resolve));
}

describe('the name of a control socket', () => {
  it('belongs to one live engine', async () => {
    const at = folder();
    const server = await serve(at, 'a');
    await expect(serve(at, 'a')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/"a" is already governed/),
    });
    expect(readdirSync(at)).toEqual(['a.sock']);
    expect((await openControl(server.path)).hello.agent_id).toBe('a');
  });

  it('is taken over from a dead one, by exactly one of several that start at once', async () => {
    const at = folder();
    mkdirSync(at, { mode: 0o755 });
    for (let round = 0; round < 20; round += 1) {
      await leaveDeadSocket(join(at, 'a.sock'));
      const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => serve(at, 'a')));
      expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const attempt of attempts) {
        if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ exitCode: 2 });
      }
      expect(readdirSync(at)).toEqual(['a.sock']);
      expect((await openControl(join(at, 'a.sock'))).hello.agent_id).toBe('a');
      for (const server of servers.splice(0)) server.close();
    }
  });

  it('is not put into a folder that others can write to, or through a link', async () => {
    const at = folder();
    mkdirSync(at);
    chmodSync(at, 0o777);
    await expect(serve(at, 'a')).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/only its owner/),
    });
    const link = folder();
    symlinkSync(tmpdir(), link);
    await expect(serve(link, 'a')).rejects.toMatchObject({ exitCode: 4 });
  });

  it('says when it is too long for a socket', async () => {
    await expect(serve(join(folder(), 'x'.repeat(100)), 'a')).rejects.toThrow(/longer than the 107 bytes/);
  });

  it('replaces a file that is no socket', async () => {
    const at = folder();
    mkdirSync(at);
    writeFileSync(join(at, 'a.sock'), 'x');
    // Nobody listens there: it is stale like any other.
    await serve(at, 'a');
    expect(readdirSync(at)).toEqual(['a.sock']);
  });
});

describe('runtimeFolder', () => {
  it('is /run for root, the runtime folder of a user, or the fallback', () => {
    expect(runtimeFolder(0, { XDG_RUNTIME_DIR: '/x' }, '/f')).toBe('/run/agentgov');
    expect(runtimeFolder(1000, { XDG_RUNTIME_DIR: '/run/user/1000' }, '/f')).toBe('/run/user/1000/agentgov');
    expect(runtimeFolder(1000, { XDG_RUNTIME_DIR: 'rel' }, '/f')).toBe('/f/run');
  });
});
