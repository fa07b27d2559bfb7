// Runs the tests of this boot one after the other, each in a process of its own, and reports each as frames on stdout
// (the second serial port). What it prints on stderr goes to the console.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { encodeFrame } from './frames.mjs';

// What is kept of a test's output and of each file that it left in its artifacts folder: the end says most.
const OUTPUT_MAX = 256 * 1024;
const ARTIFACT_MAX = 1024 * 1024;
const CHUNK = 48 * 1024;

const job = JSON.parse(Buffer.from(process.env.AGENTGOV_JOB, 'base64url').toString());

function send(message) {
  const line = Buffer.from(encodeFrame(job.nonce, message));
  for (let done = 0; done < line.length; ) done += writeSync(1, line, done);
}

function runTest({ name, timeout }) {
  const folder = `/run/vm/${name}`;
  mkdirSync(join(folder, 'artifacts'), { recursive: true });
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['/vm/lib/one.mjs', name, folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, AGENTGOV_JOB: JSON.stringify(job) },
    });
    let [output, cut, timedOut] = [Buffer.alloc(0), 0, false];
    const keep = (chunk) => {
      output = Buffer.concat([output, chunk]);
      if (output.length > 2 * OUTPUT_MAX) {
        cut += output.length - OUTPUT_MAX;
        output = output.subarray(-OUTPUT_MAX);
      }
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => {
      timedOut = true;
      process.kill(-child.pid, 'SIGKILL');
    }, timeout * 1000);
    // On exit, not on close: a process that the test left behind must not hold the run up with an inherited pipe.
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      setTimeout(() => {
        const note = cut ? `[${cut} bytes cut]\n` : '';
        const end = timedOut ? `timed out after ${timeout} s` : code !== 0 ? `ended with ${signal ?? code}` : undefined;
        resolve({ folder, end, output: note + output.toString('latin1'), ms: Math.round(performance.now() - started) });
      }, 50);
    });
  });
}

function sendArtifacts(name, folder) {
  for (const file of readdirSync(folder)) {
    const path = join(folder, file);
    if (!statSync(path).isFile()) continue;
    const bytes = readFileSync(path).subarray(-ARTIFACT_MAX);
    for (let offset = 0; offset < bytes.length; offset += CHUNK) {
      send({ kind: 'artifact', name, file, offset, data: bytes.subarray(offset, offset + CHUNK).toString('base64') });
    }
  }
}

send({
  kind: 'boot',
  release: release(),
  node: process.version,
  uptime: Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]),
});
for (const test of job.tests) {
  send({ kind: 'start', name: test.name });
  const { folder, end, output, ms } = await runTest(test);
  let verdict = { error: end ?? 'the test ended without a verdict' };
  try {
    if (!end?.startsWith('timed out')) verdict = JSON.parse(readFileSync(join(folder, 'verdict.json'), 'utf8'));
  } catch {
    // No verdict file: the process died before it could write one, and `end` says how.
  }
  if (verdict.error) sendArtifacts(test.name, join(folder, 'artifacts'));
  send({ kind: 'end', name: test.name, ms, output, ...verdict });
}
send({ kind: 'done' });
