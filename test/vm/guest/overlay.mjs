// An agent whose files lie in an overlay, as in a container: what the overlay opens below itself, with credentials of its
// own, is no call of the agent's. An allow-list over the names that the agent uses is enough, and from 6.8 on, where it
// opens files by their names below, what a rule closes there is closed through the overlay too.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { isBefore } from './lib/release.mjs';

export const needs = ['module:overlay', 'mount'];
export const variants = ['lsm', 'hook'];
export const per = 'full';

/** The kernel's module as it came in its package: plain, or packed. */
function loadOverlay(skip) {
  const folder = '/vm/modules';
  const kernel = readdirSync(folder).find((name) => release().startsWith(`${name}.`));
  if (!kernel) skip('its package has no module');
  const [file] = readdirSync(join(folder, kernel));
  const packed = join(folder, kernel, file);
  const bytes = file.endsWith('.xz')
    ? execFileSync('xz', ['-dc', packed], { maxBuffer: 2 ** 26 })
    : readFileSync(packed);
  writeFileSync('/run/overlay.ko', bytes);
  execFileSync('insmod', ['/run/overlay.ko']);
}

export default async function ({ assert, canary, file, monitor, skip, work }) {
  loadOverlay(skip);
  const folder = (name) => join(work, name);
  for (const name of ['below', 'below/inner', 'other', 'upper', 'scratch', 'seen', 'closed', 'shown'])
    mkdirSync(folder(name));
  const secret = canary();
  writeFileSync(folder('below/file'), 'hello\n');
  writeFileSync(folder('closed/file'), secret);
  const mount = (at, options) => execFileSync('mount', ['-t', 'overlay', '-o', options, 'overlay', folder(at)]);
  mount('seen', `lowerdir=${folder('below')},upperdir=${folder('upper')},workdir=${folder('scratch')}`);
  mount('shown', `lowerdir=${folder('closed')}:${folder('other')}`);

  const policy = file(
    'policy.yaml',
    `
version: "1.0"
mode: enforce
default_action: {file: BLOCK, exec: ALLOW, network: ALLOW, tool: ALLOW}
policies:
  - {name: system, match: {path_prefix: ["/usr", "/etc", "/proc", "/dev"]}, action: ALLOW}
  - {name: own, match: {path_prefix: ["${folder('seen')}", "${folder('shown')}"]}, action: ALLOW}
  - {name: closed, match: {path_prefix: ["${folder('closed')}"]}, action: BLOCK}
`,
  );
  const script = `
cd ${folder('seen')}
cat file
ls . inner >/dev/null && echo listed
echo more >> file && chmod 600 file && touch -d 2020-01-01 file && echo changed
echo new > new && mkdir deep && mv new deep/ && rm deep/new && echo made
cat ${folder('below/file')} || echo refused
cat ${folder('shown/file')} || echo closed`;
  const { code, stdout, stderr, log } = await monitor(['sh', '-c', script], { enforce: policy });
  assert.equal(code, 0, stderr);
  const asksBelow = !isBefore(release(), '6.8');
  assert.equal(stdout, `hello\nlisted\nchanged\nmade\nrefused\n${asksBelow ? 'closed\n' : secret}`, stderr);
  const blocked = log.of('file_open').filter(({ action }) => action === 'BLOCKED');
  const rules = blocked.map(({ policy_rule }) => policy_rule);
  assert.deepEqual(rules, asksBelow ? ['default_action.file', 'closed'] : ['default_action.file']);
}
