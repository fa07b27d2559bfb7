// Where alerts and questions may be sent: only what keeps them secret on the way, or stays on this machine.
import type { Sink } from './types.js';

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

const address = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with a sink whose shape is right; undefined when nothing is. Never quotes what may hold a password. */
export function sinkFault(sink: Sink): string | undefined {
  if ('webhook' in sink) {
    const url = address(sink.webhook);
    if (url === undefined) return '"webhook" is no URL';
    if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname))
      return `"webhook" would tell ${url.hostname} in the clear: write https://, or http:// to this machine itself`;
    return isDecodable(url) ? undefined : '"webhook" has a user or a password that is no %-encoded UTF-8';
  }
  if ('command' in sink) {
    const [program = ''] = sink.command;
    return program.startsWith('/')
      ? undefined
      : `"${program}" is no absolute path: agentgov looks for no program in folders`;
  }
  if (sink.syslog === 'local') return undefined;
  const [, kind, rest] = /^(udp|tcp|tls):\/\/(.+)$/.exec(sink.syslog) ?? [];
  // Only of http does URL know the parts; it leaves out port 80.
  const url = address(`http://${rest}`);
  if (url === undefined || url.username !== '' || url.pathname !== '/' || url.search !== '')
    return `"${sink.syslog}" is no address: write local, udp://HOST[:PORT], tcp://HOST:PORT or tls://HOST[:PORT]`;
  if (kind === 'tcp' && !/:\d+$/.test(rest ?? ''))
    return `"${sink.syslog}" names no port, and syslog over TCP has none that all use`;
  return undefined;
}
