import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { sampleEvents } from '../harness/sample-events.mjs';

/**
 * Writes a log of sample events as fast as it can be written, and prints what that took from the first event until
 * all are durable: `{cpuMs, threadMs, wallMs}`. `threadMs` is the CPU time of the thread that appends.
 *
 * usage: writer-child.mjs BUNDLE LOG EVENTS [KEY]    with KEY: with checkpoints
 */
const [bundle, log, count, keyFile] = process.argv.slice(2);
const { AuditWriter, loadKey } = await import(pathToFileURL(bundle).href);

/** Events between two looks at the event loop, and bytes that may wait for the disk. */
const STEP = 1000;
const MOST_PENDING = 4 * 2 ** 20;

/** Of the first thread: https://docs.kernel.org/scheduler/sched-stats.html */
const threadMs = () => Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[0]) / 1e6;

const events = [...sampleEvents(20_000)];
const options = keyFile === undefined ? {} : { checkpoints: { key: await loadKey(keyFile) } };
const writer = await AuditWriter.open(log, options);
const [cpu, thread, begin] = [process.cpuUsage(), threadMs(), performance.now()];
for (let done = 0; done < Number(count); ) {
  for (const end = Math.min(done + STEP, Number(count)); done < end; done++)
    writer.append(events[done % events.length]);
  if (writer.pendingBytes > MOST_PENDING) await writer.flush();
  else await new Promise((resolve) => setImmediate(resolve));
}
await writer.close();
if (writer.lostEvents > 0) throw new Error(`${writer.lostEvents} events were lost`);
const { user, system } = process.cpuUsage(cpu);
const wallMs = performance.now() - begin;
process.stdout.write(JSON.stringify({ cpuMs: (user + system) / 1000, threadMs: threadMs() - thread, wallMs }));
