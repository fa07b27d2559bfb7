// Where something is sent to: a URL, taken apart once.
import { usageError } from '../errors.js';

export type StreamAddress =
  | { readonly kind: 'tcp' | 'tls'; readonly host: string; readonly port: number; readonly url: string }
  | { readonly kind: 'unix'; readonly path: string; readonly url: string };

/** The port of syslog over TLS (RFC 5425). TCP has none that all use. */
const TLS_PORT = 6514;

/**
 * `tcp://HOST:PORT`, `tls://HOST[:PORT]` or `unix:///PATH`.
 *
 * @throws AgentgovError (usage) for anything else.
 */
export function parseStreamAddress(option: string, text: string): StreamAddress {
  const wrong = usageError(
    `${option} takes tcp://HOST:PORT, tls://HOST[:PORT] or unix:///PATH, not ${JSON.stringify(text)}`,
  );
  const [, unix] = /^unix:(?:\/\/)?(\/.+)$/.exec(text) ?? [];
  if (unix !== undefined) return { kind: 'unix', path: unix, url: `unix://${unix}` };
  const [, kind, rest] = /^(tcp|tls):\/\/(.+)$/.exec(text) ?? [];
  // Only of http does URL know the parts; it also puts [::1] and IDNs right.
  const url = rest === undefined ? undefined : urlOf(`http://${rest}`);
  if (kind === undefined || url === undefined || url.pathname !== '/' || `${url.search}${url.username}` !== '')
    throw wrong;
  // 80 is what URL leaves out.
  const port = /:80$/.test(url.host === url.hostname ? (rest ?? '').replace(/\/$/, '') : '') ? 80 : Number(url.port);
  if (port === 0 && kind === 'tcp') throw wrong;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    kind: kind as 'tcp' | 'tls',
    host,
    port: port || TLS_PORT,
    url: `${kind}://${url.hostname}:${port || TLS_PORT}`,
  };
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
