import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/**
 * The one spelling of an address (that of inet_ntop), so that it can be a key: short IPv6, no zone, and an IPv4 address
 * mapped into IPv6 as the IPv4 address that it is. Undefined for what is no address.
 */
export function canonicalIp(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const percent = text.indexOf('%');
  const address = percent < 0 ? text : text.slice(0, percent);
  if (!isIPv6(address)) return undefined;
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  const mapped = canonical.startsWith('::ffff:') ? canonical.slice('::ffff:'.length) : '';
  return isIPv4(mapped) ? mapped : canonical;
}

/** Text of the 4 or 16 octets of an address in network order; undefined for any other number of them. */
export function ipText(octets: Uint8Array): string | undefined {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((octets[2 * i] as number) << 8) | (octets[2 * i + 1] as number)).toString(16),
  );
  return canonicalIp(groups.join(':'));
}
