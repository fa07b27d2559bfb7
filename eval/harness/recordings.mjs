import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../bench/harness/index.mjs';
import { record } from './record.mjs';
import { cacheFolder, digestOf, freshHome, removeHome } from './workspace.mjs';

/** What the recorder is made of: its recordings are made anew when any of this changes. */
const RECORDER = [
  'bpf/agentgov.bpf.c',
  'bpf/include',
  'bpf/loader',
  'src/bpf',
  'src/engine',
  'src/events',
  'src/dns',
  'eval/harness/record.mjs',
];

/**
 * The recordings that `make` makes, from the cache where nothing has changed that makes them. In the cache is a whole
 * set or none: later runs build on what earlier ones left in the home folder.
 *
 * @param {string} name
 * @param {{madeOf: string[], files: string[], make: (fileOf: (name: string) => string) => Promise<void>}} options
 *   `madeOf`: sources in the checkout; `files`: names that `make` records
 * @returns {Promise<string[]>} paths, in the order of `files`
 */
export async function recordings(name, { madeOf, files, make }) {
  const digest = digestOf([...RECORDER, ...madeOf]);
  const folder = cacheFolder('recordings');
  const set = `${name}-${process.versions.node}-`;
  const done = join(folder, `${set}${digest}`);
  const pathIn = (folder, file) => join(folder, `${file}.jsonl`);
  if (!existsSync(done)) {
    for (const old of readdirSync(folder).filter((found) => found.startsWith(set))) {
      rmSync(join(folder, old), { recursive: true });
    }
    const part = cacheFolder('recordings', `${set}${digest}.part`);
    freshHome();
    try {
      await make((file) => pathIn(part, file));
    } finally {
      removeHome();
    }
    renameSync(part, done);
  }
  return files.map((file) => pathIn(done, file));
}

/** All events of a recording. */
export const readEvents = (log) =>
  readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/**
 * The recordings of all runs of a workload.
 *
 * @param {import('../workloads/index.mjs').workloads[number]} workload
 * @returns {Promise<string[]>} one a run
 */
export async function recordWorkload({ name, runs, madeOf = [], prepare, run, finish }) {
  const files = Array.from({ length: runs }, (_, number) => `run-${number}`);
  return await recordings(name, {
    madeOf: ['eval/workloads', 'eval/projects', ...madeOf],
    files,
    make: async (fileOf) => {
      try {
        await prepare();
        for (const [number, file] of files.entries()) {
          await run(number, {
            random: seededRandom(number + 1),
            record: (argv, options) => record(argv, { ...options, log: fileOf(file) }),
          });
        }
      } finally {
        await finish?.();
      }
    },
  });
}
