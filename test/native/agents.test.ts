// Several agents on one machine share one set of kernel programs. What they share costs once, and what is one's own stays
// one's own: the log, the counts, the life.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scaled } from '../scale.js';
import { canary, descendants, killTree, lost, program, type Running, scratch, startMonitor } from '../support/index.js';

const folder = scratch();

/** A tree that opens `NAME-N` for each N that is asked of it, and ends when it is told to. */
function agentOf(name: string): { command: string[]; open(n: number): void; end(): void; path(n: number): string } {
  const own = join(folder, name);
  mkdirSync(own);
  const path = (n: number): string => join(own, `${name}-${n}`);
  const script = `cd ${own}; n=0; while [ ! -e end ]; do if [ -e go-$n ]; then cat ${name}-$n; n=$((n+1)); fi; sleep 0.05; done`;
  return {
    command: ['--', 'sh', '-c', script],
    path,
    open: (n) => {
      writeFileSync(path(n), '');
      writeFileSync(join(own, `go-${n}`), '');
    },
    end: () => writeFileSync(join(own, 'end'), ''),
  };
}

function loaderOf({ child }: Running): number {
  const found = descendants(child.pid ?? 0).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('agentgov-loader\0run'),
  );
  if (found === undefined) throw new Error('the session has no loader');
  return found;
}

/** The ids of kernel programs that a process holds. */
function programsOf(pid: number): string[] {
  const ids = readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    return /^prog_type:/m.test(text) ? [/^prog_id:\t(\d+)$/m.exec(text)?.[1] ?? ''] : [];
  });
  return [...new Set(ids)].sort();
}

const opened = ({ events }: Running, prefix: string): string[] =>
  events()
    .filter(({ event_type, path }) => event_type === 'file_open' && String(path).startsWith(prefix))
    .map(({ path }) => String(path));

describe('agents at once', () => {
  it('share the programs, and nothing of each other’s', async () => {
    const agents = [canary(), canary(), canary()].map(agentOf);
    const sessions: Running[] = [];
    for (const agent of agents) {
      const session = startMonitor(agent.command);
      sessions.push(session);
      await session.seen(({ event_type }) => event_type === 'session_start');
      await session.seen(({ event_type, exe }) => event_type === 'process_exec' && String(exe).endsWith('sleep'));
    }
    const all = sessions.map((session) => programsOf(loaderOf(session)));
    expect(all[0]?.length).toBeGreaterThan(10);
    expect(all[1]).toEqual(all[0]);
    expect(all[2]).toEqual(all[0]);

    const seen = (i: number, n: number) => sessions[i]?.seen(({ path }) => path === agents[i]?.path(n));
    for (const [i, agent] of agents.entries()) {
      agent.open(0);
      await seen(i, 0);
    }

    // Who loaded them ends first, in order. The others go on.
    agents[0]?.end();
    const first = await sessions[0]?.finish();
    expect(first?.code, first?.stderr).toBe(0);

    // The next one is killed, loader and all, and its tree goes on, as nobody's.
    const killed = sessions[1] as Running;
    const tree = descendants(killed.child.pid ?? 0).filter((pid) => pid !== loaderOf(killed));
    process.kill(loaderOf(killed), 'SIGKILL');
    killed.child.kill('SIGKILL');
    agents[2]?.open(1);
    await seen(2, 1);
    agents[1]?.open(1);
    agents[2]?.open(2);
    await seen(2, 2);

    // A number that is given away again brings nothing of the old one with it.
    const late = agentOf(canary());
    const another = startMonitor(late.command);
    await another.seen(({ event_type, exe }) => event_type === 'process_exec' && String(exe).endsWith('sleep'));
    expect(programsOf(loaderOf(another))).toEqual(all[0]);
    late.open(0);
    await another.seen(({ path }) => path === late.path(0));
    for (const pid of tree) killTree(pid);
    await killed.ended;
    late.end();
    agents[2]?.end();
    const ends = [await sessions[2]?.finish(), await another.finish()];
    for (const end of ends) {
      expect(end?.code, end?.stderr).toBe(0);
      expect(lost(end?.events ?? [])).toEqual({});
    }
    // Each log has its own tree's and nobody else's.
    const told = sessions.map((session) => opened(session, folder).filter((path) => /-\d+$/.test(path)));
    expect(told).toEqual([[0], [0], [0, 1, 2]].map((each, i) => each.map((n) => agents[i]?.path(n))));
  }, 120_000);

  it('lose nothing by another one’s flood', async () => {
    const [processes, opens, mine] = [4, scaled(40_000), 300];
    const files = join(folder, canary());
    mkdirSync(files);
    execFileSync(program('flood'), ['make', files, String(processes), String(opens)]);
    const quiet = join(folder, canary());
    mkdirSync(quiet);
    const script = `n=0; while [ $n -lt ${mine} ]; do : > ${quiet}/$n; n=$((n+1)); done; while [ ! -e ${quiet}/end ]; do sleep 0.05; done`;
    const bystander = startMonitor(['--', 'sh', '-c', script], { discardOutput: true });
    await bystander.seen(({ event_type }) => event_type === 'session_start');
    const generator = [
      program('flood'),
      'open',
      join(folder, canary()),
      files,
      String(processes),
      String(opens),
      '1',
      '0',
    ];
    const flooded = startMonitor(['--', ...generator], {
      discardOutput: true,
      env: { ...process.env, AGENTGOV_RING_BULK: String(64 * 1024) },
    });
    const end = await flooded.finish();
    expect(end.code, end.stderr).toBe(0);
    expect(lost(end.events).file ?? 0).toBeGreaterThan(0);
    writeFileSync(join(quiet, 'end'), '');
    const calm = await bystander.finish();
    expect(lost(calm.events)).toEqual({});
    const made = calm.events.filter(
      ({ event_type, path }) => event_type === 'file_create' && String(path).startsWith(quiet),
    );
    expect(new Set(made.map(({ path }) => path)).size).toBe(mine);
  }, 120_000);

  it('have no process together', async () => {
    const agent = agentOf(canary());
    const agentId = canary();
    const session = startMonitor(agent.command, { agentId });
    const { pid } = await session.seen(
      ({ event_type, exe }) => event_type === 'process_exec' && String(exe).endsWith('sleep'),
    );
    expect(pid).toBeGreaterThan(0);
    const shell = descendants(session.child.pid ?? 0).find((one) => one !== loaderOf(session));
    const thief = await startMonitor(['--pid', String(shell)]).ended;
    expect(thief.code, thief.stderr).toBe(2);
    expect(thief.stderr).toContain(`governed as another agent already, ${agentId}`);
    agent.open(0);
    await session.seen(({ path }) => path === agent.path(0));
    agent.end();
    expect((await session.finish()).code).toBe(0);
  }, 60_000);

  it('may begin and end at the same moment', async () => {
    const words = Array.from({ length: 12 }, canary);
    const ends = await Promise.all(
      words.map((word) => startMonitor(['--', 'sh', '-c', `: > ${join(folder, word)}; exit 7`]).finish()),
    );
    for (const [i, end] of ends.entries()) {
      expect(end.code, end.stderr).toBe(7);
      expect(lost(end.events)).toEqual({});
      const told = words.filter((word) => end.events.some(({ path }) => path === join(folder, word)));
      expect(told).toEqual([words[i]]);
    }
  }, 120_000);
});
