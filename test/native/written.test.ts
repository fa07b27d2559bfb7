// What a process of the tree has written is told where it is run, also when there is no room to remember all of it.
import { expect, it } from 'vitest';
import { isFull } from '../scale.js';
import { monitored, scratch } from '../support/index.js';

/** AG_WRITTEN_MAX (bpf/include/events.h). */
const ROOM = 262_144;

/** Opens so many files for writing, each of another number, copies TRUE to COPY, and runs both. */
const AGENT = `
import os, shutil, subprocess, sys
count, true, copy = sys.argv[1:]
for _ in range(int(count)):
    os.close(os.open("/dev/shm", os.O_TMPFILE | os.O_WRONLY, 0o600))
shutil.copy(true, copy)
subprocess.run([true])
subprocess.run([copy])
`;

const folder = scratch();

async function run(count: number) {
  const copy = `${folder}/copy-${count}`;
  const flags = ['--tier', 'observe'];
  const command = ['python3', '-c', AGENT, String(count), '/usr/bin/true', copy];
  const { events, code } = await monitored(command, { flags, discardOutput: true, timeout: 600_000 });
  expect(code).toBe(0);
  const written = (path: string) =>
    events.find((one) => one.event_type === 'process_exec' && one.path === path)?.written;
  const full = events.filter((event) => event.event_type === 'events_lost' && event.reason === 'table_full');
  return { own: written(copy), other: written('/usr/bin/true'), full };
}

it('is told of what the tree has copied, and of nothing else', async () => {
  expect(await run(0)).toEqual({ own: true, other: undefined, full: [] });
});

it.runIf(isFull)(
  'counts what has been changed since as written once the table is full, and says that it is',
  async () => {
    const { own, other, full } = await run(ROOM);
    expect({ own, other }).toEqual({ own: true, other: undefined });
    expect(full[0]).toMatchObject({ class: 'security' });
  },
  600_000,
);
