// The folder that bypass.mjs tries to get at, and the policies that close it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const FOLDERS = [
  'secret/empty',
  'secret-too',
  'parent/secret',
  'pair/secret',
  'allowed/mount',
  'allowed/pair',
  'other',
  'groups',
  'queues',
];
/** And those that rules name otherwise than it is that one comes there. */
const NAMED = ['linked', 'bound', 'alias', 'outside/deep', 'tools'];

const SECRET = 'key cut moves moves-by-ring over gone gone-by-fd gone-by-ring attr exchange watched accounts'.split(
  ' ',
);
const OPEN = 'allowed/file allowed/source allowed/exchange allowed/race-open'.split(' ');
/** Each is a shell; of those in DIR/allowed the tree writes some over. */
const PROGRAMS = 'secret/prog tools/run allowed/shell allowed/replaced allowed/exchanged allowed/changed'.split(' ');
const ELSEWHERE = 'secret-too/key parent/secret/key pair/secret/key linked/key bound/key outside/deep/key named'.split(
  ' ',
);

/** A fresh folder: DIR/secret is what is closed, DIR/allowed what is open. @returns { outsider: a pid, close() } */
export async function makeScene(dir, run) {
  const done = async (file, args) => {
    const { code, stderr } = await run(file, args);
    if (code !== 0) throw new Error(`${file}: ${stderr}`);
  };
  for (const folder of [...FOLDERS, ...NAMED]) mkdirSync(join(dir, folder), { recursive: true });
  for (const file of [...SECRET.map((name) => `secret/${name}`), ...ELSEWHERE])
    writeFileSync(join(dir, file), 'secret\n');
  for (const file of OPEN) writeFileSync(join(dir, file), 'text\n');
  symlinkSync('linked', join(dir, 'rule-link'));
  linkSync(join(dir, 'named'), join(dir, 'allowed/linked-before'));
  await done('mount', ['-o', 'bind', join(dir, 'bound'), join(dir, 'alias')]);
  await done('mknod', [join(dir, 'secret/zero'), 'c', '1', '5']);
  // File systems of the kernel's own: one that forgets names, and one whose files have calls of their own.
  await done('mount', ['-t', 'cgroup2', 'none', join(dir, 'groups')]);
  mkdirSync(join(dir, 'groups/secret'), { recursive: true });
  await done('mount', ['-t', 'mqueue', 'none', join(dir, 'queues')]);
  writeFileSync(join(dir, 'queues/secret'), '');
  const deep = join(dir, 'secret', ...Array(150).fill('d'));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'key'), 'secret\n');
  for (const program of PROGRAMS) {
    copyFileSync('/usr/bin/dash', join(dir, program));
    chmodSync(join(dir, program), 0o755);
  }
  const script = (name, interpreter) =>
    writeFileSync(join(dir, name), `#!${dir}/${interpreter}\nexit 42\n`, { mode: 0o755 });
  script('allowed/script', 'secret/prog');
  script('allowed/script-of-own', 'allowed/interpreter');
  copyFileSync('/lib/x86_64-linux-gnu/libc.so.6', join(dir, 'allowed/lib.so'));
  symlinkSync('secret/key', join(dir, 'link'));
  symlinkSync('secret', join(dir, 'folder-link'));
  symlinkSync(join(dir, 'secret/prog'), join(dir, 'prog-link'));
  symlinkSync('allowed/race-open', join(dir, 'race-a'));
  symlinkSync('secret/key', join(dir, 'race-b'));
  const unix = createServer((socket) => socket.destroy());
  await new Promise((resolve) => unix.listen(join(dir, 'secret/sock'), resolve));
  const giver = spawn('bypass', ['give', dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(giver.stdout, 'data');
  // What somebody outside the tree does, where a way asks for it.
  const others = setInterval(() => {
    if (existsSync(join(dir, 'allowed/ready')) && existsSync(join(dir, 'outside')))
      renameSync(join(dir, 'outside'), join(dir, 'allowed/moved-by-others'));
    if (existsSync(join(dir, 'allowed/watch'))) readFileSync(join(dir, 'secret/watched'));
  }, 20);
  return {
    outsider: giver.pid,
    close() {
      clearInterval(others);
      unix.close();
      giver.kill('SIGKILL');
    },
  };
}

/** What both policies close by another name than the one that leads there, or only to be run, and what the tree wrote. */
const named = (dir) => `
  - {name: by_link, match: {path: ["${dir}/rule-link/key"]}, action: BLOCK}
  - {name: by_mount, match: {path: ["${dir}/alias/key"]}, action: BLOCK}
  - {name: named, match: {path: ["${dir}/named"]}, action: BLOCK}
  - {name: outside, match: {path_prefix: ["${dir}/outside/"]}, action: BLOCK}
  - {name: not_run, match: {access: [exec], path: ["${dir}/tools/run"]}, action: BLOCK}
  - {name: own, match: {written: true}, action: BLOCK}`;

/** Everything but secret and what the network rules forbid. */
const denyList = (dir) => `
version: "1.0"
mode: enforce
policies:${named(dir)}
  - {name: closed, match: {path_prefix: ["${dir}/secret/", "${dir}/secret-too", "${dir}/parent/secret", "${dir}/pair/secret", "${dir}/groups/secret", "${dir}/queues/secret"]}, action: BLOCK}
  - {name: closed_address, match: {destination_ip: ["127.0.0.2", "192.0.2.2", "fd00::2"]}, action: BLOCK, errno: EACCES}
  - {name: closed_port, match: {event: [network_bind], port: [4444]}, action: BLOCK}
`;

const allowList = (dir) => `
version: "1.0"
mode: enforce
default_action: {file: BLOCK, exec: BLOCK, network: BLOCK}
policies:${named(dir)}
  - {name: system, match: {access: [read, write], path_prefix: ["/usr", "/lib", "/lib64", "/etc", "/dev", "/proc", "/vm"]}, action: ALLOW}
  - {name: folder, match: {access: [read], path: ["${dir}", "${dir}/other", "${dir}/groups", "${dir}/tools/run"]}, action: ALLOW}
  - {name: work, match: {access: [read, write, create, delete, rename, link, attr], path_prefix: ["${dir}/allowed"]}, action: ALLOW}
  - {name: parent, match: {access: [read, rename], path: ["${dir}/parent", "${dir}/parent/*", "${dir}/pair"]}, action: ALLOW}
  - {name: kept, match: {access: [rename], path_prefix: ["${dir}/parent/secret", "${dir}/pair/secret"]}, action: BLOCK}
  - {name: programs, match: {written: false, path: ["/usr/bin/bypass", "/usr/local/bin/bypass", "${dir}/allowed/*", "/usr/lib/x86_64-linux-gnu/ld*", "/lib64/ld*", "/usr/lib64/ld*"]}, action: ALLOW}
  - {name: code, match: {access: [exec], path: ["${dir}/secret/prog"]}, action: BLOCK}
  - {name: loopback, match: {destination_ip: ["127.0.0.1"]}, action: ALLOW}
  - {name: giver, match: {event: [unix_connect], path: ["${dir}/allowed/giver"]}, action: ALLOW}
`;

/** By kind: the text of a policy over a scene. */
export const POLICIES = { deny: denyList, allow: allowList };
