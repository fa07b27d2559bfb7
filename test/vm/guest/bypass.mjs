// Ways around a policy: each leads there while nothing is enforced, and nowhere under a policy that forbids it or one
// that does not allow it. What was stopped is in the log, with its rule.

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
import { waysOf } from './lib/ways.mjs';

export const needs = ['c:bypass', 'dash'];
export const variants = ['lsm', 'hook'];
export const per = 'run';
export const timeout = 600;

const FOLDERS = ['secret/empty', 'secret-too', 'parent/secret', 'allowed/mount', 'other'];
/** And those that rules name otherwise than it is that one comes there. */
const NAMED = ['linked', 'bound', 'alias', 'outside/deep'];

/** A fresh folder: DIR/secret is what is closed, DIR/allowed what is open. */
async function scene(dir, run) {
  for (const folder of [...FOLDERS, ...NAMED]) mkdirSync(join(dir, folder), { recursive: true });
  for (const file of ['linked/key', 'bound/key', 'outside/deep/key', 'named'])
    writeFileSync(join(dir, file), 'secret\n');
  symlinkSync('linked', join(dir, 'rule-link'));
  linkSync(join(dir, 'named'), join(dir, 'allowed/linked-before'));
  const bound = await run('mount', ['-o', 'bind', join(dir, 'bound'), join(dir, 'alias')]);
  if (bound.code !== 0) throw new Error(bound.stderr);
  const mover = setInterval(() => {
    if (!existsSync(join(dir, 'allowed/ready')) || !existsSync(join(dir, 'outside'))) return;
    renameSync(join(dir, 'outside'), join(dir, 'allowed/moved-by-others'));
  }, 20);
  let deep = join(dir, 'secret');
  for (let i = 0; i < 150; i++) {
    deep += '/d';
    mkdirSync(deep);
  }
  for (const file of ['key', 'cut', 'moves', 'over', 'gone', 'attr', 'exchange'])
    writeFileSync(join(dir, 'secret', file), 'secret\n');
  for (const file of ['secret-too/key', 'parent/secret/key', 'allowed/file', 'allowed/source', 'allowed/exchange'])
    writeFileSync(join(dir, file), 'text\n');
  writeFileSync(join(deep, 'key'), 'secret\n');
  copyFileSync('/usr/bin/dash', join(dir, 'secret/prog'));
  chmodSync(join(dir, 'secret/prog'), 0o755);
  writeFileSync(join(dir, 'allowed/script'), `#!${dir}/secret/prog\nexit 42\n`, { mode: 0o755 });
  symlinkSync('secret/key', join(dir, 'link'));
  symlinkSync('secret', join(dir, 'folder-link'));
  symlinkSync(join(dir, 'secret/prog'), join(dir, 'prog-link'));
  const unix = createServer((socket) => socket.destroy());
  await new Promise((resolve) => unix.listen(join(dir, 'secret/sock'), resolve));
  return () => {
    clearInterval(mover);
    unix.close();
  };
}

/** What both policies close by another name than the one that leads there. */
const named = (dir) => `
  - {name: by_link, match: {path: ["${dir}/rule-link/key"]}, action: BLOCK}
  - {name: by_mount, match: {path: ["${dir}/alias/key"]}, action: BLOCK}
  - {name: named, match: {path: ["${dir}/named"]}, action: BLOCK}
  - {name: outside, match: {path_prefix: ["${dir}/outside/"]}, action: BLOCK}`;

/** Everything but secret and what the network rules forbid. */
const denyList = (dir) => `
version: "1.0"
mode: enforce
policies:${named(dir)}
  - {name: closed, match: {path_prefix: ["${dir}/secret/", "${dir}/secret-too", "${dir}/parent/secret"]}, action: BLOCK}
  - {name: closed_address, match: {destination_ip: ["127.0.0.2"]}, action: BLOCK, errno: EACCES}
  - {name: closed_port, match: {event: [network_bind], port: [4444]}, action: BLOCK}
`;

const allowList = (dir) => `
version: "1.0"
mode: enforce
default_action: {file: BLOCK, exec: BLOCK, network: BLOCK}
policies:${named(dir)}
  - {name: system, match: {access: [read, write], path_prefix: ["/usr", "/lib", "/lib64", "/etc", "/dev", "/proc", "/vm"]}, action: ALLOW}
  - {name: folder, match: {access: [read], path: ["${dir}", "${dir}/other"]}, action: ALLOW}
  - {name: work, match: {access: [read, write, create, delete, rename, link, attr], path_prefix: ["${dir}/allowed"]}, action: ALLOW}
  - {name: parent, match: {access: [read, rename], path: ["${dir}/parent", "${dir}/parent/*"]}, action: ALLOW}
  - {name: kept, match: {access: [rename], path_prefix: ["${dir}/parent/secret"]}, action: BLOCK}
  - {name: programs, match: {access: [exec], path: ["/usr/bin/bypass", "/usr/local/bin/bypass", "${dir}/allowed/script", "/usr/lib/x86_64-linux-gnu/ld*", "/lib64/ld*", "/usr/lib64/ld*"]}, action: ALLOW}
  - {name: code, match: {access: [exec], path: ["${dir}/secret/prog"]}, action: BLOCK}
  - {name: loopback, match: {destination_ip: ["127.0.0.1"]}, action: ALLOW}
`;

const NAMED_RULES = {
  behind_link: 'by_link',
  bound_from: 'by_mount',
  bound_to: 'by_mount',
  hard_link_before: 'named',
  moved_by_others: 'outside',
};

/** The rule that stops a way, under each policy. */
const RULE_OF = {
  deny: (way) => {
    if (/^(connect|send)/.test(way) && way !== 'connect_unix') return 'closed_address';
    return way === 'bind_port' ? 'closed_port' : 'closed';
  },
  allow: (way) => {
    if (/^(connect|send|bind_port)/.test(way)) return 'default_action.network';
    if (way === 'move_parent') return 'kept';
    return /^exec_(plain|symlink|script|fd)$/.test(way) ? 'code' : 'default_action.file';
  },
};

export default async function ({ assert, file, figure, monitor, run, work }) {
  const seen = [];
  const server = createServer((socket) => {
    seen.push(socket.remoteAddress);
    socket.on('error', () => {});
    socket.destroy();
  });
  await new Promise((resolve) => server.listen(0, '::', resolve));
  const { port } = server.address();
  const bypass = (dir) => ['bypass', dir, String(port)];

  // Without a policy each of them leads there: else it would show nothing that it leads nowhere with one.
  const open = join(work, 'open');
  mkdirSync(open);
  let close = await scene(open, run);
  const free = await run('bypass', bypass(open).slice(1));
  close();
  const ways = waysOf(free.stdout);
  const missing = [...ways].filter(([, { errno }]) => errno === 38 || errno === 99).map(([way]) => way);
  const broken = [...ways].filter(([way, { errno }]) => errno !== 0 && !missing.includes(way));
  assert.deepEqual(broken, [], `ways that lead nowhere without a policy: ${free.stdout}${free.stderr}`);
  assert.ok(ways.size - missing.length >= 40, `ways that this kernel has: ${ways.size} without ${missing}`);

  const figures = {};
  for (const [kind, policy] of Object.entries({ deny: denyList, allow: allowList })) {
    const dir = join(work, kind);
    mkdirSync(dir);
    close = await scene(dir, run);
    const before = seen.length;
    const { stdout, stderr, log } = await monitor(bypass(dir), {
      enforce: file(`${kind}.yaml`, policy(dir)),
    });
    close();
    const found = waysOf(stdout);
    assert.equal(found.size, ways.size, `${stdout}${stderr}`);
    const through = [...found].filter(([way, { errno }]) => errno === 0 && !missing.includes(way)).map(([way]) => way);
    assert.deepEqual(through, [], `${kind}: ways that led there`);
    const odd = [...found].filter(([way, { errno }]) => ![1, 13].includes(errno) && !missing.includes(way));
    assert.deepEqual(odd, [], `${kind}: ways that were stopped by something else`);
    for (const [way, { pid }] of found) {
      if (missing.includes(way)) continue;
      const told = log.events.filter(
        (event) => event.action === 'BLOCKED' && (event.pid === pid || event.ppid === pid) && event.policy_rule,
      );
      assert.ok(told.length > 0, `${kind}: no BLOCKED event of ${way} (pid ${pid})`);
      assert.ok(
        told.every((event) => event.errno === 1 || event.errno === 13),
        `${kind}: errno of ${way}`,
      );
      const rule = NAMED_RULES[way] ?? RULE_OF[kind](way);
      const by = told.map((event) => event.policy_rule);
      assert.ok(by.includes(rule), `${kind}: ${way} by ${by} and not by ${rule}`);
    }
    assert.equal(seen.length, before, `${kind}: connections that the listener saw`);
    assert.equal(readFileSync(join(dir, 'secret/cut'), 'utf8'), 'secret\n');
    figures[kind] = found.size - missing.length;
  }

  // In mode audit nothing is stopped, and the same is told.
  const dir = join(work, 'audit');
  mkdirSync(dir);
  close = await scene(dir, run);
  const audit = await monitor(bypass(dir), { enforce: file('audit.yaml', denyList(dir)), args: ['--mode', 'audit'] });
  close();
  const stopped = [...waysOf(audit.stdout)].filter(([way, { errno }]) => errno !== 0 && !missing.includes(way));
  assert.deepEqual(stopped, [], 'stopped in mode audit');
  audit.log.none('file_open', { action: 'BLOCKED' });
  audit.log.some('file_open', { action: 'WOULD_BLOCK', policy_rule: 'closed' });
  server.close();
  console.log(`ways: ${ways.size} of which this kernel has not ${missing.length} (${missing})`);
  figure('ways', figures);
}
