// The places that a policy's `alerts` name. What is written there has passed the checks of the language.
import {
  CommandPlace,
  DatagramPlace,
  HttpPlace,
  type Place,
  parseStreamAddress,
  StreamPlace,
  type SyslogMessage,
} from '../delivery/index.js';
import type { Sink } from '../policy/index.js';

/** RFC 5426, 3.3. */
const UDP_PORT = 514;

/** Without a size it cuts at 1 KiB, and an alert may be longer (text.ts). */
const LOGGER = '/usr/bin/logger --tag agentgov --priority authpriv.warning --size 8KiB --socket-errors=on'.split(' ');

/** `socket`: where this machine's syslog listens. */
export function placeOf(sink: Sink, socket = '/dev/log'): Place {
  if ('command' in sink) return commandPlace(sink.command);
  if ('webhook' in sink) {
    // Of many services the path is the password.
    return new HttpPlace(sink.webhook, `the webhook at ${new URL(sink.webhook).origin}`, 'application/json');
  }
  // util-linux's, because Node cannot speak to that socket: one message, from standard input.
  if (sink.syslog === 'local') return commandPlace([...LOGGER, '--socket', socket], 'the local syslog');
  const messageOf = syslogMessages();
  if (!sink.syslog.startsWith('udp:')) return new StreamPlace(parseStreamAddress('alerts', sink.syslog), messageOf);
  const [, host = '', port = UDP_PORT] = /^udp:\/\/\[?(.*?)\]?(?::(\d+))?$/.exec(sink.syslog) ?? [];
  return new DatagramPlace(host, Number(port), messageOf);
}

/** Programs that alerts run, which the agent must not be able to change. */
export const alertPrograms = (sinks: readonly Sink[]): string[] =>
  sinks.flatMap((sink) => ('command' in sink ? sink.command.slice(0, 1) : []));

function commandPlace([file = '', ...args]: readonly string[], name = `the command ${file}`): Place {
  return new CommandPlace(name, [file, ...args]);
}

function syslogMessages(): (text: string) => SyslogMessage {
  let sequence = 0;
  return (text) => {
    sequence += 1;
    return { severity: 'warning', time: Date.now(), pid: process.pid, id: 'alert', sequence, text };
  };
}
