// agentgov inside a PID namespace of its own, as in a container: it works there, and speaks of the pids that are known there.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentgov, canary, type Event, type Finished, parseLog, run, scratch } from '../support/index.js';

const folder = scratch();

/** Runs a shell script as the first process of a new PID namespace, which ends with it, and when it takes too long. */
function inside(script: string, args: string[], mountProc = true): Promise<Finished> {
  const file = join(folder, canary());
  writeFileSync(file, script);
  return run(['unshare', '--pid', '--kill-child', ...(mountProc ? ['--mount-proc'] : []), 'sh', file, ...args], {
    timeout: 50_000,
  });
}

interface Inside extends Finished {
  events: Event[];
  pids: Record<string, number>;
}

/** `record` is where the script writes NAME=PID, each on a line of its own. */
async function monitoredInside(script: string): Promise<Inside> {
  const log = join(folder, canary());
  const record = join(folder, canary());
  const result = await inside(script, [agentgov, log, record]);
  const pids = Object.fromEntries(
    readFileSync(record, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split('='))
      .map(([name = '', pid]) => [name, Number(pid)]),
  );
  return { ...result, events: parseLog(readFileSync(log)), pids };
}

const types = (events: readonly Event[], pid: number | undefined): string[] =>
  events.filter((event) => event.pid === pid).map(({ event_type }) => event_type);

describe('in a PID namespace', () => {
  it('doctor finds the tier', async () => {
    const { code, stdout, stderr } = await inside('"$1" doctor --json', [agentgov]);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout.toString('utf8')) as { tiers: Record<string, { ok: boolean; why: string }> };
    expect(report.tiers.observe).toEqual({ ok: true, why: 'every program was provoked and seen' });
  });

  it('monitor -- CMD governs, with the pids of the namespace, and one more below', async () => {
    const child = `echo child=$$ >> "$0"; unshare --pid --fork sh -c 'echo > "$0".below' "$0"; exit 7`;
    const { code, stderr, events, pids } = await monitoredInside(
      `"$1" monitor --output-file "$2" -- sh -c '${child.replaceAll("'", `'\\''`)}' "$3"`,
    );
    expect(code, stderr).toBe(7);
    expect(pids.child).toBeLessThan(1000);
    const seen = types(events, pids.child);
    expect(seen.filter((type) => type === 'process_exec')).toHaveLength(1);
    expect(seen).toContain('process_exit');
    const unshared = events.find(
      ({ event_type, comm, ppid }) => event_type === 'process_exec' && comm === 'unshare' && ppid === pids.child,
    );
    const below = events.find(({ event_type, path }) => event_type === 'file_create' && path?.endsWith('.below'));
    expect(below).toMatchObject({ ppid: unshared?.pid, pid_inner: 1 });
    expect(below?.pid).toBeGreaterThan(unshared?.pid ?? Number.NaN);
    expect(events.filter(({ event_type }) => event_type === 'events_lost')).toEqual([]);
  });

  it('monitor --pid attaches', async () => {
    const { code, stderr, events, pids } = await monitoredInside(
      `mkfifo "$3.go"
       sh -c 'read go < "$0.go"; echo > "$0.made"; exit 3' "$3" &
       echo "root=$!" > "$3"
       "$1" monitor --output-file "$2" --pid $! &
       until grep -q '"session_start"' "$2" 2> /dev/null; do sleep 0.05; done
       echo > "$3.go"
       wait $!`,
    );
    expect(code, stderr).toBe(0);
    const made = events.find(({ event_type, path }) => event_type === 'file_create' && path?.endsWith('.made'));
    expect(made?.pid).toBe(pids.root);
    expect(events.find(({ event_type }) => event_type === 'process_exit')).toMatchObject({
      pid: pids.root,
      exit_code: 3,
    });
    const own = events.find(({ event_type }) => event_type === 'session_start')?.pid;
    expect(new Set(events.map(({ pid }) => pid))).toEqual(new Set([own, pids.root]));
  });

  it('says what is wrong when /proc is not that of the namespace', async () => {
    const { code, stderr } = await inside(
      '"$1" monitor --output-file "$2" -- true',
      [agentgov, join(folder, canary())],
      false,
    );
    expect(stderr).toContain('/proc shows another PID namespace');
    expect(code).toBe(3);
  });
});
