// What the rows about reading TLS have in common: a server, its clients, and what is compared.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  benchFolder,
  interleave,
  measureGoverned,
  ratioMeasure,
  startGoverned,
  temporaryFolder,
} from '../harness/index.mjs';

/** Bytes of a body, and how many requests with it: up to half a second of the client's CPU each. */
export const PLAN = [
  [1024, 1000],
  [16_384, 600],
  [1 << 20, 40],
];
const [SMALL, MIDDLE, LARGE] = PLAN.map(([bytes]) => bytes);
const CAPTURE = ['--capture-tls'];
export const ON_ONE_CORE = ['taskset', '-c', '0'];
/** 0.95x of the throughput, as time for the same work. */
const LARGE_ELAPSED = 1.052;

/** Requests of which the probes' hits are counted: of the difference the connection and the start are no part. */
const COUNTED = [100, 300];
const STATS = '/proc/sys/kernel/bpf_stats_enabled';
/** BPF_PROG_TYPE_KPROBE (include/uapi/linux/bpf.h): the loader's programs of that type are its probes on libraries. */
const KPROBE = '2';

/** Runs the plan by turns without and with `--capture-tls`. `client`: of clientOf. */
export function compareRead(plan, client, { pairs, onPair }) {
  const governed = async (flags) => {
    const { log } = await measureGoverned(client.argv(plan), { flags });
    return { lost: log.lost, figures: client.report().figures };
  };
  return interleave(
    () => governed([]),
    () => governed(CAPTURE),
    { pairs, onPair },
  );
}

export function costs({ a, b }, at, { cpu, elapsed }) {
  const column = (runs, name) => runs.map(({ figures }) => figures[at][name]);
  return [
    ratioMeasure("client's CPU", column(a, 'cpuMs'), column(b, 'cpuMs'), cpu),
    ratioMeasure('elapsed', column(a, 'wallMs'), column(b, 'wallMs'), elapsed),
  ];
}

/** A line for what `compareRead` gave of the size at that place of PLAN. `where`: what is special of it. */
export function sizeLine(at, read, where) {
  const [bytes] = PLAN[at];
  const bounds = { cpu: bytes === MIDDLE ? 1.05 : undefined, elapsed: bytes === LARGE ? LARGE_ELAPSED : undefined };
  const size = bytes === LARGE ? '1 MB bodies' : `${bytes / 1024} KB bodies`;
  return {
    label: where === undefined ? size : `${size}, ${where}`,
    measures: costs(read, at, bounds),
    ...(at === 0 && { lost: read.b.reduce((sum, { lost }) => sum + lost, 0), raw: read }),
  };
}

export const NODE_CLIENT = [process.execPath, join(benchFolder, 'rows', 'tls-client.mjs')];

/** `program`: argv of what takes the arguments of tls-client.mjs and reports as it does. */
export function clientOf(program, port) {
  const file = join(temporaryFolder('tls'), 'report.json');
  return {
    file,
    argv: (plan, ...more) => {
      rmSync(file, { force: true });
      return [...program, port, JSON.stringify(plan), file, ...more];
    },
    report: () => JSON.parse(readFileSync(file, 'utf8')),
  };
}

/** Runs something while a client that has made so many requests is governed and read. */
export async function whileRead(client, requests, run) {
  const tree = await startGoverned(client.argv([[SMALL, requests]], 'stay'), {
    readyFile: client.file,
    flags: CAPTURE,
  });
  try {
    return await run(tree);
  } finally {
    process.kill(client.report().pid);
    await tree.ended;
  }
}

/** How often the kernel runs probes for one request of 1 KB. */
export async function hitsOfRequest(client) {
  const before = readFileSync(STATS, 'utf8');
  writeFileSync(STATS, '1');
  try {
    const counted = [];
    for (const requests of COUNTED) {
      await whileRead(client, requests, ({ loader }) => counted.push([runsOf(loader), client.report().sent]));
    }
    const [few, many] = counted;
    return (many[0] - few[0]) / (many[1] - few[1]);
  } finally {
    writeFileSync(STATS, before);
  }
}

function runsOf(loader) {
  const folder = `/proc/${loader}/fdinfo`;
  const programs = new Map();
  for (const fd of readdirSync(folder)) {
    const text = readFileSync(join(folder, fd), 'utf8');
    const field = (name) => new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(text)?.[1];
    if (field('prog_type') === KPROBE) programs.set(field('prog_id'), Number(field('run_cnt')));
  }
  return [...programs.values()].reduce((sum, runs) => sum + runs, 0);
}

export async function startServer(under = []) {
  const folder = temporaryFolder('tls');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...words, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const program = join(benchFolder, 'rows', 'tls-server.mjs');
  const [command, ...argv] = [...under, process.execPath, program, cert, key];
  const child = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const [said] = await once(child.stdout, 'data');
  return {
    port: String(said).trim(),
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
