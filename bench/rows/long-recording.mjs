import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryFolder, plainChain, recordGoverned } from '../harness/index.mjs';

const HOUR_MS = 3_600_000;

/** Work that starts programs, reads what they need, and writes, renames and removes files: some 15,000 events. */
const WORK = `git init -q . && for i in 1 2 3 4 5 6 7 8 9; do
echo $i > file$i && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm $i
git log --oneline > log.part && mv log.part log && rm -f file$i
node work.mjs
done`;
const PROGRAM = `import { readdirSync, readFileSync } from 'node:fs';
for (const name of readdirSync('/usr/lib/x86_64-linux-gnu').slice(0, 1000)) {
  try { readFileSync('/usr/lib/x86_64-linux-gnu/' + name); } catch {}
}`;

/** The events that `monitor` records of that, without seq and hashes. */
export async function recordWork() {
  const cwd = join(memoryFolder('recording'), 'work');
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'work.mjs'), PROGRAM);
  const log = await recordGoverned(['sh', '-c', WORK], { cwd });
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const { seq, hash_prev, hash_self, ...event } = JSON.parse(line);
    return event;
  });
}

/**
 * Writes a log that holds the events again and again, each time a session and a run of its own, an hour later.
 *
 * @param {object[]} events of `recordWork`
 * @param {{events: number, paths?: number}} size lines; so many of the opened files are different ones besides
 * @returns {Promise<number>} how many different ones there are of these
 */
export async function stretch(file, events, { events: count, paths = 0 }) {
  const out = createWriteStream(file);
  const next = plainChain();
  const every = paths === 0 ? 0 : Math.max(1, Math.floor((count * shareOf(events, isOpened)) / paths));
  let [batch, done, opened, fresh] = ['', 0, 0, 0];
  for (let session = 0; done < count; session++) {
    for (const event of events.slice(0, count - done)) {
      const moved = later(event, session);
      if (every > 0 && isOpened(event) && ++opened % every === 0 && fresh < paths) {
        moved.path = `/srv/project/node_modules/package-${fresh % 400}/lib/module-${fresh}.js`;
        fresh++;
      }
      batch += `${next(moved)}\n`;
      done++;
      if (batch.length < 1 << 20) continue;
      if (!out.write(batch)) await once(out, 'drain');
      batch = '';
    }
  }
  out.end(batch);
  await once(out, 'close');
  return fresh;
}

const isOpened = ({ event_type: type, errno, path = '' }) =>
  type === 'file_open' && errno === undefined && path.startsWith('/usr/');

const shareOf = (events, test) => events.filter(test).length / events.length;

function later(event, session) {
  const moved = { ...event, timestamp: new Date(Date.parse(event.timestamp) + session * HOUR_MS).toISOString() };
  for (const key of ['ts_us', 'start_us']) if (key in moved) moved[key] += session * HOUR_MS * 1000;
  if (event.event_type === 'session_start') Object.assign(moved, { session_id: `s${session}`, run_id: `r${session}` });
  return moved;
}
