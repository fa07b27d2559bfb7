import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  benchFolder,
  interleave,
  measure,
  measureGoverned,
  ratioMeasure,
  startGoverned,
  temporaryFolder,
} from '../harness/index.mjs';

/** Bytes of a body, and how many requests with it: up to half a second of the client's CPU each. */
const PLAN = [
  [1024, 1000],
  [16_384, 600],
  [1 << 20, 40],
];
const [SMALL, MIDDLE, LARGE] = PLAN.map(([bytes]) => bytes);
const CAPTURE = ['--capture-tls'];
const ON_ONE_CORE = ['taskset', '-c', '0'];
/** 0.95x of the throughput, as time for the same work. */
const LARGE_ELAPSED = 1.052;

/** Requests of which the probes' hits are counted: of the difference the connection and the start are no part. */
const COUNTED = [100, 300];
const STATS = '/proc/sys/kernel/bpf_stats_enabled';
/** BPF_PROG_TYPE_KPROBE (include/uapi/linux/bpf.h): the loader's programs of that type are its probes on libraries. */
const KPROBE = '2';

/** What reading the plaintext of a client costs it, and what it costs others that use the same library. */
export default {
  name: 'tls',
  defaultPairs: 20,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const server = await startServer();
    const beside = await startServer(ON_ONE_CORE);
    try {
      const client = clientOf(server.port);
      const compare = async (plan, from, label) => {
        const governed = async (flags) => {
          const { log } = await measureGoverned(from.argv(plan), { flags });
          return { lost: log.lost, figures: from.report().figures };
        };
        const [without, read] = [() => governed([]), () => governed(CAPTURE)];
        return interleave(without, read, { pairs, onPair: progress(label) });
      };
      const read = await compare(PLAN, client, '--capture-tls');
      const alone = await compare([PLAN[2]], clientOf(beside.port, ON_ONE_CORE), 'a core left');
      const bare = async () => {
        await measure(client.argv([PLAN[1]]));
        return client.report();
      };
      const besideOne = () => whileRead(clientOf(server.port), 1, bare);
      const others = await interleave(bare, besideOne, { pairs, onPair: progress('outside of the tree') });
      const hits = await hitsOfRequest(server.port);
      return {
        workload:
          'a Node client of an HTTPS server, one connection, a body there and as much back; with and without --capture-tls',
        lines: [
          ...PLAN.map(([bytes], at) => sizeLine(bytes, at, read)),
          { ...sizeLine(LARGE, 0, alone), label: '1 MB, a core left' },
          { label: 'not governed, 16 KB', measures: costs(others, 0, {}), raw: others },
        ],
        facts: [
          `${hits} hits of probes for a request of 1 KB`,
          'a core left: the client and its server share one, with and without',
          'not governed: while another client is read, against while none is',
        ],
      };
    } finally {
      await server.stop();
      await beside.stop();
    }
  },
};

function costs({ a, b }, at, { cpu, elapsed }) {
  const column = (runs, name) => runs.map(({ figures }) => figures[at][name]);
  return [
    ratioMeasure("client's CPU", column(a, 'cpuMs'), column(b, 'cpuMs'), cpu),
    ratioMeasure('elapsed', column(a, 'wallMs'), column(b, 'wallMs'), elapsed),
  ];
}

function sizeLine(bytes, at, read) {
  const bounds = { cpu: bytes === MIDDLE ? 1.05 : undefined, elapsed: bytes === LARGE ? LARGE_ELAPSED : undefined };
  return {
    label: bytes === LARGE ? '1 MB bodies' : `${bytes / 1024} KB bodies`,
    measures: costs(read, at, bounds),
    ...(at === 0 && { lost: read.b.reduce((sum, { lost }) => sum + lost, 0), raw: read }),
  };
}

/** `under`: what it is started with. */
function clientOf(port, under = []) {
  const file = join(temporaryFolder('tls'), 'report.json');
  return {
    file,
    argv: (plan, ...more) => {
      rmSync(file, { force: true });
      const words = [join(benchFolder, 'rows', 'tls-client.mjs'), port, JSON.stringify(plan), file, ...more];
      return [...under, process.execPath, ...words];
    },
    report: () => JSON.parse(readFileSync(file, 'utf8')),
  };
}

/** Runs something while a client that has made so many requests is governed and read. */
async function whileRead(client, requests, run) {
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

/** How often the kernel runs probes for one request. */
async function hitsOfRequest(port) {
  const before = readFileSync(STATS, 'utf8');
  writeFileSync(STATS, '1');
  try {
    const counted = [];
    for (const requests of COUNTED) {
      const client = clientOf(port);
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

async function startServer(under = []) {
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
