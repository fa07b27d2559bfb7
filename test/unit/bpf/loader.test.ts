import { spawn } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { type Loader, type LoaderOptions, LoaderRefusal, type Notice, startLoader } from '../../../src/bpf/index.js';
import { EXIT } from '../../../src/errors.js';
import { VERSION } from '../../../src/package.js';
import { makeDouble, type Script } from './make-double.js';

const running: Loader[] = [];
afterEach(async () => {
  for (const loader of running.splice(0)) await loader.quit();
});

async function start(script: Script, options: Partial<LoaderOptions> = {}) {
  const lines: string[] = [];
  const notices: Notice[] = [];
  const loader = await startLoader({
    path: makeDouble(script),
    agentId: 'unit',
    onEvent: (line) => lines.push(line),
    onNotice: (notice) => notices.push(notice),
    patience: 20_000,
    ...options,
  });
  running.push(loader);
  return { loader, lines, notices };
}

describe('startLoader', () => {
  it('greets, governs, hands over event lines untouched, and ends with a goodbye', async () => {
    const { loader, lines } = await start({ bulk: 5000, events: [{ event_type: 'process_exec', argv: ['a"b'] }] });
    expect(loader.hello).toMatchObject({ tier: 'observe', version: VERSION });
    expect(await loader.govern([process.pid])).toMatchObject({ processes: 1 });
    const outcome = await loader.quit();
    expect(outcome).toMatchObject({ kind: 'bye', bye: { emitted: { file: 5001 } } });
    expect(lines).toHaveLength(5001);
    expect(lines[0]).toContain('"argv": ["a\\"b"]');
    expect(lines[5000]).toContain('"path": "/data/1"');
  });

  it('turns a refused command into its reason, and stays usable', async () => {
    const { loader } = await start({});
    await expect(loader.govern([2 ** 22 - 1])).rejects.toThrow(LoaderRefusal);
    expect(await loader.stats()).toMatchObject({ processes: 0 });
    expect(await loader.member(1)).toBe(false);
  });

  it('answers a pause with silence and loses nothing', async () => {
    const { loader, lines } = await start({ bulk: 20_000 });
    await loader.govern([process.pid]);
    loader.pause();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const held = lines.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lines.length).toBe(held);
    loader.resume();
    await loader.quit();
    expect(lines).toHaveLength(20_000);
  });

  it.each<[string, Script, number, RegExp]>([
    [
      'no privilege',
      { refuse: 'agentgov needs CAP_BPF: run it with sudo.' },
      EXIT.unavailable,
      /^agentgov needs CAP_BPF: run it with sudo\.$/,
    ],
    ['another version', { hello: { version: '0.0.9' } }, EXIT.internal, /is version 0\.0\.9 .* this is agentgov/],
    ['another protocol', { hello: { protocol: 2 } }, EXIT.internal, /protocol 2/],
    ['death before its hello', { silent: true, dieAtOnce: true }, EXIT.internal, /ended with code 4\.$/],
    ['silence', { silent: true }, EXIT.internal, /said nothing within 0\.3 s\.$/],
    ['a hello of the wrong shape', { hello: { notes: 'none' } }, EXIT.internal, /not of its protocol/],
    ['garbage', { silent: true, garbage: '\u0000\u00ff not json\n' }, EXIT.internal, /not of its protocol/],
    ['a line without end', { silent: true, garbage: 'x'.repeat(1.1 * 2 ** 20) }, EXIT.internal, /longer than/],
  ])('says in one sentence what is wrong: %s', async (_name, script, exitCode, message) => {
    const patience = script.silent && !script.garbage && !script.dieAtOnce ? 300 : 20_000;
    const error: unknown = await start(script, { patience }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'AgentgovError', exitCode });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });

  it('names a binary that cannot be started', async () => {
    await expect(start({}, { path: '/nonexistent/agentgov-loader' })).rejects.toThrow(
      /could not be started \(ENOENT\)/,
    );
  });

  it('reports a loader that is killed, after all it had written', async () => {
    const { loader, lines } = await start({ bulk: 1000, killAfterEvents: true });
    await loader.govern([process.pid]);
    expect(await loader.ended).toEqual({ kind: 'died', how: 'was killed by SIGKILL' });
    expect(lines).toHaveLength(1000);
    await expect(loader.stats()).rejects.toThrow('has ended');
  });

  it('kills a loader that breaks the protocol after its hello', async () => {
    const { loader } = await start({ raw: ['{"msg":"lost","class":"file","count":-0.5,"reason":"ring_full"}'] });
    await loader.govern([process.pid]);
    expect(await loader.ended).toEqual({ kind: 'died', how: 'wrote a line that is not of its protocol' });
  });

  it('does not wait for ever for an answer or for the end', async () => {
    const deaf = await start({ deafTo: 'stats' }, { patience: 300 });
    await expect(deaf.loader.stats()).rejects.toThrow(/did not answer "stats"/);
    const endless = await start({ deafTo: 'quit' }, { patience: 300 });
    // Its stdin closes as well, which the double takes for the end; only one that ignores both must be killed.
    expect((await endless.loader.quit()).kind).toBe('bye');
  });

  it('ends when its stdin closes, so that no loader outlives agentgov', async () => {
    const path = makeDouble({});
    const child = spawn(path, ['run', '--agent-id', 'x'], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.end();
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });
});
