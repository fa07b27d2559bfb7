// The package as a user gets it: packed, installed into an empty folder, run where there is no compiler.

import { isAscii } from 'node:buffer';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

interface Packed {
  filename: string;
  files: { path: string; mode: number }[];
}
interface Locked {
  version: string;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
}
interface Manifest {
  version: string;
  scripts?: Record<string, string>;
  [field: string]: unknown;
}

const readJson = <Shape>(file: string): Shape => JSON.parse(readFileSync(file, 'utf8')) as Shape;

let folder: string;
let packed: Packed;

/** Where a user works: an empty project whose one dependency is the tarball, with the dependencies of our own lock. */
async function installTarball(): Promise<string> {
  const project = join(folder, 'project');
  const tarball = `file:${join(folder, packed.filename)}`;
  const { version, dependencies, bin, engines } = readJson<Manifest>(join(root, 'package.json'));
  const locked = readJson<{ packages: Record<string, Locked> }>(join(root, 'package-lock.json')).packages;
  const production = Object.entries(locked).filter(
    ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
  );
  const self = { name: 'project', version: '1.0.0', dependencies: { agentgov: tarball } };
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ ...self, private: true }));
  // Locked, so that the versions are those that were tested and come out of npm's cache.
  const packages = {
    '': self,
    'node_modules/agentgov': { version, resolved: tarball, dependencies, bin, engines },
    ...Object.fromEntries(production),
  };
  const lock = { name: 'project', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
  writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lock));
  await execa('npm', ['ci', '--prefer-offline', '--omit=dev', '--no-audit', '--no-fund'], { cwd: project });
  return project;
}

/** A search path with what Node and npx themselves need, and nothing that could build anything. */
async function bareTools(): Promise<string> {
  const tools = join(folder, 'tools');
  mkdirSync(tools);
  for (const tool of ['sh', 'env', 'true', 'cat', 'node', 'npx']) {
    const { stdout } = await execa('sh', ['-c', 'command -v "$1"', 'sh', tool]);
    // A shell has some of them built in and then says only the name.
    symlinkSync(stdout.startsWith('/') ? stdout : `/usr/bin/${stdout}`, join(tools, tool));
  }
  return tools;
}

describe('the package', () => {
  let project: string;
  let npx: (...args: string[]) => Promise<{ exitCode?: number; stdout: string; stderr: string }>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'agentgov-package-'));
    const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root });
    // With its scripts run, npm prints what they print first.
    [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [Packed];
    project = await installTarball();
    const tools = await bareTools();
    const env = { PATH: tools, HOME: folder, npm_config_cache: join(folder, 'npm-cache') };
    npx = (...args) => execa('npx', ['--no-install', ...args], { cwd: project, env, extendEnv: false, reject: false });
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('holds the program and nothing that only developers need', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['bin/agentgov', 'bin/package.json', 'dist/cli.cjs', 'dist/index.d.ts', 'package.json']),
    );
    const strange =
      /^(?!bin\/(agentgov|package\.json)$|dist\/|prebuilt\/|docs\/|templates\/|examples\/|package\.json$|README|LICENSE)/;
    expect(paths.filter((path) => strange.test(path))).toEqual([]);
    const loader = packed.files.find(({ path }) => path === `prebuilt/linux-${process.arch}/agentgov-loader`);
    expect((loader?.mode ?? 0) & 0o111).toBe(0o111);
  });

  it('has all that it runs within itself, and says whose work is in it', () => {
    const dist = join(project, 'node_modules/agentgov/dist');
    const notices = readFileSync(join(dist, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['commander', 'execa', 'cross-spawn', 'yaml'])
      expect(notices).toMatch(RegExp(`^${name} \\d`, 'm'));
    const scripts = readdirSync(dist).filter((name) => name.endsWith('.js'));
    const imported = scripts.flatMap((name) =>
      [...readFileSync(join(dist, name), 'utf8').matchAll(/(?:^|[;}])(?:import|export)\b[^;"']*from ?"([^"]+)"/gm)].map(
        ([, from]) => from ?? '',
      ),
    );
    expect(imported).toContain('crypto');
    const monitor = readFileSync(join(dist, 'monitor.cjs'));
    expect(isAscii(monitor)).toBe(true); // half the room in V8 (src/code-cache.ts)
    expect(monitor.toString()).not.toMatch(/\bimport\(/); // which has nobody to ask where the code comes compiled
    for (const name of ['cli.cjs', 'monitor.cjs']) {
      const bundle = readFileSync(join(dist, name), 'utf8');
      // Where a quote stands before it, it is text: ajv writes programs.
      const required = [...bundle.matchAll(/(?<!['"`])\brequire\("([^"]+)"\)/g)];
      const from = required.map(([, path]) => path ?? '');
      expect(from).toContain('path');
      expect(from.filter((path) => !isBuiltin(path))).toEqual([]);
    }
    expect(imported.filter((from) => !from.startsWith('./') && !isBuiltin(from))).toEqual([]);
  });

  it('runs nothing when it is installed, and installs on every system', () => {
    const { scripts = {}, os } = readJson<Manifest>(join(project, 'node_modules/agentgov/package.json'));
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
    expect(os).toBeUndefined();
  });

  it('has a loader that needs no library of the machine', async () => {
    const loader = join(project, `node_modules/agentgov/prebuilt/linux-${process.arch}/agentgov-loader`);
    const { stdout } = await execa('readelf', ['--program-headers', '--wide', loader]);
    expect(stdout).toContain('LOAD');
    expect(stdout).not.toContain('INTERP');
    expect(statSync(loader).size).toBeLessThan(8 * 2 ** 20);
  });

  it('works where there is no compiler: doctor, monitor, verify', async () => {
    const doctor = await npx('agentgov', 'doctor', '--json');
    expect(doctor.exitCode, doctor.stderr).toBe(0);
    expect(JSON.parse(doctor.stdout)).toMatchObject({ tiers: { observe: { ok: true } } });

    const log = join(folder, 'audit.jsonl');
    const monitor = await npx('agentgov', 'monitor', '--output-file', log, '--', 'true');
    expect(monitor.exitCode, monitor.stderr).toBe(0);
    const verify = await npx('agentgov', 'verify', '--json', log);
    expect(verify.exitCode, verify.stdout).toBe(0);
    expect(JSON.parse(verify.stdout)).toMatchObject({ verdict: 'intact' });
    const types = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Manifest).event_type);
    expect(types).toEqual(expect.arrayContaining(['session_start', 'process_exec', 'process_exit', 'session_end']));
  });
});
