// The hosts that package managers of this user fetch from, as their own configuration names them. Nothing is run.
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const MAX = 64 * 1024;

/** The beginning of a small configuration file; nothing where there is none. */
export async function readSmall(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX), 0, MAX, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}

export interface Registry {
  readonly host: string;
  readonly port: number;
}

/** Only the host and the port: the rest of such a URL can hold a password. */
function registryOf(url: string): Registry[] {
  try {
    const plain = url.trim().replace(/^["']|["']$/g, '');
    const { hostname: host, port, protocol } = new URL(plain.replace(SCHEME, ''));
    if (!/^https?:$/.test(protocol) || host === '' || /^[\d.[]/.test(host)) return [];
    return [{ host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }];
  } catch {
    return [];
  }
}

/** Values of `key = value` lines. */
const values = (text: string, key: RegExp): string[] =>
  text.split(/\r?\n/).flatMap((line) => {
    const [name = '', ...rest] = line.split('=');
    return key.test(name.trim()) ? rest.join('=').trim().split(/\s+/) : [];
  });

/** How cargo says what is behind a URL: https://doc.rust-lang.org/cargo/reference/registries.html */
const SCHEME = /^(?:sparse|registry|git)\+/;

/** URLs of the keys `index` and `registry` in a configuration of cargo, in whichever of TOML's ways a table is written. */
const cargoUrls = (text: string): string[] =>
  [...text.matchAll(/^[^#\n]*?\b(?:index|registry)\s*=\s*["']([^"'\n]+)["']/gm)].map(([, url = '']) => url);

/** A list of proxies, each tried behind the one before: https://go.dev/ref/mod#goproxy-protocol */
const goUrls = (list: string): string[] => list.split(/[,|]/);

const NPM = /^(@[\w.-]+:)?registry$/;
const PYTHON = /^(index-url|extra-index-url)$/;

/** The hosts by the port that they are asked on, both in order, each once. */
export async function registries(
  home: string,
  workspace: string,
  env: NodeJS.ProcessEnv,
): Promise<[port: number, hosts: string[]][]> {
  const npm = [join(workspace, '.npmrc'), join(home, '.npmrc'), '/etc/npmrc', '/usr/local/etc/npmrc'];
  const python = [
    join(workspace, 'pip.conf'),
    join(home, '.config/pip/pip.conf'),
    join(home, '.pip/pip.conf'),
    '/etc/pip.conf',
  ];
  const cargoHome = env.CARGO_HOME ?? join(home, '.cargo');
  const cargo = [join(workspace, '.cargo'), cargoHome].flatMap((folder) => [
    join(folder, 'config.toml'),
    join(folder, 'config'),
  ]);
  const {
    NPM_CONFIG_REGISTRY: npmSet = '',
    npm_config_registry: npmUrl = npmSet,
    PIP_INDEX_URL: pip = '',
    PIP_EXTRA_INDEX_URL: more = '',
    UV_INDEX_URL: uv = '',
    GOPROXY: go = '',
    GOENV: goFile = join(home, '.config/go/env'),
  } = env;
  const named = Object.keys(env).filter((name) => /^CARGO_REGISTRIES_.+_INDEX$/.test(name));
  const urls = [npmUrl, pip, uv, ...more.split(/\s+/), ...goUrls(go), ...named.map((name) => env[name] ?? '')];
  for (const file of npm) urls.push(...values(await readSmall(file), NPM));
  for (const file of python) urls.push(...values(await readSmall(file), PYTHON));
  for (const file of cargo) urls.push(...cargoUrls(await readSmall(file)));
  urls.push(...values(await readSmall(goFile), /^GOPROXY$/).flatMap(goUrls));
  const all = urls.flatMap(registryOf);
  const ports = [...new Set(all.map(({ port }) => port))].sort((a, b) => a - b);
  return ports.map((port) => {
    const hosts = all.filter((one) => one.port === port).map(({ host }) => host);
    return [port, [...new Set(hosts)].sort()];
  });
}

/** Name servers of resolv.conf(5). */
export const nameServers = (text: string): string[] => [
  ...new Set(text.split('\n').flatMap((line) => /^nameserver\s+([0-9a-fA-F.:]+)\s*$/.exec(line.trim())?.[1] ?? [])),
];
