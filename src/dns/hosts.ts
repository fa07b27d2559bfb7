import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { canonicalIp } from './address.js';

/** A hosts file of a megabyte has some 30,000 lines; the rest of a longer one is not read. */
const FILE_MAX = 8 << 20;
const NAMES_MAX = 16;
const CHECK_EVERY_MS = 1000;

/** Names are compared in lower case and shown in printable ASCII; nothing else is a host's name. */
const NAME = /^[!-~]{1,255}$/;

function parse(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...hosts] = (line.split('#', 1)[0] as string).trim().split(/\s+/);
    const ip = address && canonicalIp(address);
    if (!ip) continue;
    const known = names.get(ip) ?? [];
    for (const host of hosts) {
      const name = host.toLowerCase();
      if (known.length < NAMES_MAX && NAME.test(name) && !known.includes(name)) known.push(name);
    }
    if (known.length > 0) names.set(ip, known);
  }
  return names;
}

/** What the hosts file says about addresses; read again when it has changed (looked at once a second at most). */
export class HostsFile {
  #names = new Map<string, string[]>();
  #stamp = '';
  #checked = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly path: string,
    private readonly now: () => number,
  ) {}

  /** Names of an address in canonical spelling, in the file's order. */
  namesOf(ip: string): readonly string[] {
    if (this.now() - this.#checked >= CHECK_EVERY_MS) {
      this.#checked = this.now();
      this.#reload();
    }
    return this.#names.get(ip) ?? [];
  }

  #reload(): void {
    let fd: number;
    try {
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch {
      // No file is a file without names.
      this.#names.clear();
      this.#stamp = '';
      return;
    }
    try {
      const stat = fstatSync(fd, { bigint: true });
      const stamp = `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
      if (!stat.isFile() || stamp === this.#stamp) return;
      const buffer = Buffer.alloc(Math.min(Number(stat.size), FILE_MAX));
      this.#names = parse(buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0)));
      this.#stamp = stamp;
    } finally {
      closeSync(fd);
    }
  }
}
