// What the kernel decides is what replay decides on the recording of the same session: policies of random rules in mode
// audit, over a program that opens, makes, moves and deletes files under names that the rules are about.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 400;

const NAMES = ['a', 'b', 'key', '.env', 'app.md', 'x.pem', 'n'.repeat(40), 'é'];
const PARTS = [...NAMES, '*', '*.md', 'a*', '*.p*m', '.*'];
const ACCESS = ['read', 'write', 'create', 'delete', 'rename', 'link', 'attr', 'exec'];

/** Numbers of one seed (mulberry32). */
function dice(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function policyOf(work, roll) {
  const pick = (all) => all[roll(all.length)];
  const list = (of) => [...new Set(Array.from({ length: 1 + roll(3) }, of))];
  const pattern = () => {
    const parts = Array.from({ length: 1 + roll(2) }, () => pick(PARTS));
    return roll(3) === 0 ? `**/${parts.join('/')}` : `${work}/${parts.join('/')}${roll(3) === 0 ? '/**' : ''}`;
  };
  return Array.from({ length: 8 }, (_, at) => ({
    name: `r${at}`,
    match: { path: list(pattern), ...(roll(3) > 0 && { access: list(() => pick(ACCESS)) }) },
    action: pick(['ALLOW', 'BLOCK', 'HUMAN_APPROVAL']),
  }));
}

/** The policy without rules that can never decide beside the others, which the loader refuses by name. */
async function loadable(rules, agentgov, write) {
  const path = write(
    JSON.stringify({
      version: '1.0',
      default_action: { file: 'BLOCK', exec: 'ALLOW', network: 'ALLOW' },
      policies: rules,
    }),
  );
  const { code, stderr } = await agentgov(['policy', 'check', path]);
  if (code === 0) return path;
  const refused = new Set([...stderr.matchAll(/"(r\d+)" (?:contradicts|is unreachable)/g)].map(([, name]) => name));
  if (refused.size === 0) throw new Error(stderr);
  return loadable(
    rules.filter(({ name }) => !refused.has(name)),
    agentgov,
    write,
  );
}

/** A shell script of file operations, each of which may fail. */
function scriptOf(work, roll, count) {
  const name = () => Array.from({ length: 1 + roll(3) }, () => NAMES[roll(NAMES.length)]).join('/');
  const lines = Array.from({ length: count }, () => {
    const [one, two] = [`'${work}/${name()}'`, `'${work}/${name()}'`];
    return [
      `read x < ${one}`,
      `echo x > ${one}`,
      `echo x >> ${one}`,
      `mkdir ${one}`,
      `/usr/bin/mv ${one} ${two}`,
      `/usr/bin/ln ${one} ${two}`,
      `/usr/bin/rm -f ${one}`,
      `/usr/bin/chmod 600 ${one}`,
      `/usr/bin/truncate -s 1 ${one}`,
    ][roll(9)];
  });
  return `${lines.map((line) => `{ ${line}; } 2>/dev/null`).join('\n')}\nexit 0\n`;
}

const objectOf = ({ path, path_to: to }) => `${path}${to === undefined ? '' : ` -> ${to}`}`;
/** A file that is made by an open is one event there, and two questions here: so not by the event's type. */
const keyOf = (event) => `${objectOf(event)} by ${event.policy_rule}`;

export default async function ({ agentgov, assert, figure, file, monitor, scaled, seed, work }) {
  let compared = 0;
  for (let round = 0; round < scaled(20); round++) {
    const roll = dice(seed + round);
    const tree = join(work, `tree-${round}`);
    for (const folder of NAMES) mkdirSync(join(tree, folder, NAMES[roll(NAMES.length)]), { recursive: true });
    for (let i = 0; i < 60; i++) {
      try {
        writeFileSync(join(tree, NAMES[roll(8)], NAMES[roll(8)]), 'x');
      } catch {
        // It is a folder.
      }
    }
    const policy = await loadable(policyOf(tree, roll), agentgov, (text) => file(`policy-${round}.yaml`, text));
    const script = file(`script-${round}.sh`, scriptOf(tree, roll, 150));
    const { code, stderr, log, file: audit } = await monitor(['sh', script], { enforce: policy });
    assert.equal(code, 0, stderr);
    const verdicts = log.events.filter((event) => event.action === 'WOULD_BLOCK');
    const told = new Set(verdicts.map(keyOf));
    // Moving a folder asks the kernel what is forbidden below it as well, so there another rule may be the first.
    const moved = new Set(verdicts.filter((event) => event.event_type === 'file_rename').map(objectOf));
    // And of a file that was linked before the kernel knows the other names, of which a nearer rule may speak.
    const linked = new Set(verdicts.filter((event) => event.reason === 'same_file').map(objectOf));
    const replay = await agentgov(['replay', '--report', 'json', policy, audit]);
    const findings = JSON.parse(replay.stdout).findings.filter(({ events }) => events > 0);
    const wanted = findings.map(({ object, rule }) => `${object} by ${rule}`);
    const isTold = ({ object, rule }) => told.has(`${object} by ${rule}`) || moved.has(object) || linked.has(object);
    const missing = findings.filter((finding) => !isTold(finding)).map(({ object, rule }) => `${object} by ${rule}`);
    assert.deepEqual(missing, [], `round ${round} of seed ${seed}: what replay finds and the kernel did not`);
    // And the other way round, where the call got through (one that failed later is no finding) and is one question: of
    // several in one event replay tells the strictest.
    const single = ['file_open', 'file_delete', 'file_attr', 'file_truncate'];
    const callOf = ({ event_type: type, pid, path, access, flags }) => `${type} ${pid} ${path} ${access} ${flags}`;
    const through = new Set(
      log.events.filter(({ action, errno }) => action === 'OBSERVED' && errno === undefined).map(callOf),
    );
    const sure = verdicts.filter((event) => single.includes(event.event_type) && through.has(callOf(event)));
    // By what a file was called when the policy was loaded only the kernel decides: a recording has names alone.
    const byName = sure.filter(({ reason }) => reason !== 'same_file');
    const more = byName.map(keyOf).filter((key) => !wanted.includes(key));
    assert.deepEqual(more, [], `round ${round} of seed ${seed}: what the kernel finds and replay did not`);
    compared += wanted.length;
  }
  assert.ok(compared > 20, `findings compared: ${compared}`);
  figure('findings compared', compared);
}
