/** Rules as lines of YAML: half of them files, then paths with stars, folders, hosts and blocks of addresses; some of one of 40 programs. */
export function manyRules(count) {
  const scoped = (n) => (n % 6 === 1 && n < 0.9 * count ? `, exe: ["/usr/bin/tool${n % 40}"]` : '');
  const object = (n) => {
    if (n < 0.5 * count) return `path: ["/srv/app${n % 50}/module${n % 700}/file${n}.dat"]`;
    if (n < 0.65 * count) return `path: ["/srv/app${n % 50}/*/data${n}/*.json"]`;
    if (n < 0.85 * count) return `path_prefix: ["/var/lib/store${n % 40}/d${n}/"]`;
    if (n < 0.95 * count) return `destination_domain: ["${hostOf(n)}"]`;
    return `destination_ip: ["10.${n >> 8}.${n & 255}.0/24"]`;
  };
  const rule = (n) => {
    const event = n < 0.85 * count ? 'file_open' : 'network_connect';
    const action = n % 3 === 0 ? 'BLOCK' : 'ALLOW';
    return `  - name: rule_${n}\n    match: {event: [${event}], ${object(n)}${scoped(n)}}\n    action: ${action}\n`;
  };
  return Array.from({ length: count }, (_, n) => rule(n)).join('');
}

const hostOf = (n) => `host${n}.example.com`;

/** The hosts that so many rules name. */
export const hostsOf = (count) =>
  Array.from({ length: count }, (_, n) => n)
    .filter((n) => n >= 0.85 * count && n < 0.95 * count)
    .map(hostOf);
