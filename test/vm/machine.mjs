// Boots one kernel with one set of tests and hands the frames on as they come.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { decodeFrame } from './guest/lib/frames.mjs';

// A boot takes about 4 s on an idle core; this is for a machine that does much else.
const BOOT_TIMEOUT = 120;
// Between two tests, and after the last one: only the guest's own main program is at work.
const IDLE_TIMEOUT = 60;
// The kernel's limit for its command line on x86 (COMMAND_LINE_SIZE).
const COMMAND_LINE_MAX = 2048;

const LSM = 'landlock,lockdown,yama,apparmor';

function commandLine({ tier, preempt }, job) {
  const words = [
    'console=ttyS0',
    'loglevel=5',
    // With -no-reboot a panic ends QEMU at once instead of hanging until the timeout.
    'panic=-1',
    'oops=panic',
    // On a busy host no timer interrupt may come in the short while in which the kernel looks for one.
    'no_timer_check',
    `lsm=${tier === 'lsm' ? `${LSM},bpf` : LSM}`,
    ...(preempt ? [`preempt=${preempt}`] : []),
    // Not about this product, and expensive when every instruction is emulated.
    'mitigations=off',
    'random.trust_cpu=on',
    // A parameter that the kernel does not know becomes init's environment.
    `AGENTGOV_JOB=${Buffer.from(JSON.stringify(job)).toString('base64url')}`,
  ];
  const line = words.join(' ');
  if (line.length >= COMMAND_LINE_MAX) throw new Error('too many tests for one boot: name fewer with -t');
  return line;
}

const qemu = (kernel, image, append, counted) =>
  [
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    // With several threads and cx16, QEMU 7.2 runs 6.12 into panics.
    ['-machine', 'pc', '-accel', 'tcg,thread=single', '-cpu', 'max,-cx16', '-m', '2G'],
    // Each instruction is 2 ns, whichever processor it is of: so there is one.
    ['-smp', counted ? '1' : '2'],
    counted ? ['-icount', 'shift=1,sleep=off'] : [],
    ['-kernel', kernel, '-initrd', image, '-append', append],
    ['-serial', 'file:/dev/fd/3', '-serial', 'stdio'],
  ].flat();

/**
 * Boots `kernel` ({ image }) in a `variant` ({ tier, preempt, counted }) with `tests` ([{ name, timeout s }]). Calls
 * onFrame(message) for each frame; resolves with { end, seconds }, where `end` is undefined after a complete run and
 * otherwise says in a sentence how the machine ended. Its console is in `folder`/console.txt.
 */
export async function boot({ kernel, variant, image, tests, settings, folder, onFrame }) {
  const nonce = randomBytes(12).toString('hex');
  const job = { nonce, tier: variant.tier, preempt: variant.preempt, ...settings, tests };
  const consoleFile = join(folder, 'console.txt');
  const consoleFd = openSync(consoleFile, 'w');
  const started = performance.now();
  const child = spawn('qemu-system-x86_64', qemu(kernel.image, image, commandLine(variant, job), variant.counted), {
    stdio: ['ignore', 'pipe', 'pipe', consoleFd],
  });
  closeSync(consoleFd);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });

  let [end, complete, timer] = [undefined, false, undefined];
  const allow = (seconds, what) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      end = `${what} took more than ${seconds} s`;
      kill();
    }, seconds * 1000);
  };
  allow(BOOT_TIMEOUT, 'the boot');

  const take = (message) => {
    const test = tests.find(({ name }) => name === message.name);
    // The guest stops a test by itself; the host only stops a guest that cannot.
    if (message.kind === 'start') allow(test.timeout * 2 + IDLE_TIMEOUT, test.name);
    else allow(IDLE_TIMEOUT, 'the guest between two tests');
    complete ||= message.kind === 'done';
    onFrame(message, (performance.now() - started) / 1000);
  };
  for await (const line of createInterface({ input: child.stdout })) {
    try {
      const message = decodeFrame(nonce, line);
      if (message) take(message);
    } catch (error) {
      end ??= error.message;
    }
  }
  const status = await exited;
  process.off('exit', kill);
  clearTimeout(timer);
  const seconds = (performance.now() - started) / 1000;
  if (complete && !end) return { seconds };
  const panic = /Kernel panic - not syncing: .*/.exec(readFileSync(consoleFile, 'latin1'))?.[0];
  const last = complaint.trim().split('\n').at(-1);
  return { seconds, end: end ?? panic ?? `QEMU ended early (${status})${last ? `: ${last}` : ''}` };
}
