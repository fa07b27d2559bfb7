// What a rule with alert: true is against is told to a receiver of syslog and to a command, in both modes, as it stands in
// the log. (A webhook is left to the unit tests: to load Node's fetch takes an emulated machine ten seconds.)
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 400;

export default async function ({ assert, canary, file, monitor, work }) {
  const packets = [];
  const receiver = createSocket('udp4');
  receiver.on('message', (text) => packets.push(String(text)));
  await new Promise((resolve) => receiver.bind(0, '127.0.0.1', resolve));
  const secret = file(canary(), 'text');
  const told = join(work, 'told');
  const command = file('tell', `#!/bin/sh\ncat >> ${told}\n`, 0o755);
  const policy = JSON.stringify({
    version: '1.0',
    alerts: [{ syslog: `udp://127.0.0.1:${receiver.address().port}` }, { command: [command] }],
    policies: [{ name: 'closed', match: { path: [secret] }, action: 'BLOCK', alert: true }],
  });

  const logged = [];
  for (const [mode, action, exit] of [
    ['audit', 'WOULD_BLOCK', 0],
    ['enforce', 'BLOCKED', 1],
  ]) {
    const { code, log, stderr } = await monitor(['cat', secret], {
      enforce: file('policy.yaml', policy),
      args: ['--mode', mode],
    });
    assert.equal(code, exit, stderr);
    logged.push(log.one('file_open', { action, path: secret, policy_rule: 'closed', alert: true }));
    // Who is told is no part of what is governed.
    log.none('process_exec', { path: command });
    log.none('alert_delivery');
  }
  receiver.close();
  const sent = packets.map((packet) => packet.slice(packet.indexOf('{')));
  for (const lines of [sent, readFileSync(told, 'utf8').trim().split('\n')]) {
    const alerts = lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      alerts.map(({ rule, count, event }) => ({ rule, count, event })),
      logged.map((event) => ({ rule: 'closed', count: 1, event })),
    );
  }
}
