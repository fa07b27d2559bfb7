// What the kernel decides is what replay decides on the recording of the same session: policies of random rules in mode
// audit, over a program that opens, makes, moves, deletes and runs files under names that the rules are about, some of which
// it has written itself.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const needs = ['dash'];
export const variants = ['lsm', 'hook'];
export const per = 'turn';
export const timeout = 1800;

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
  const matches = [
    ...Array.from({ length: 8 }, () => ({
      path: list(pattern),
      ...(roll(3) > 0 && { access: list(() => pick(ACCESS)) }),
    })),
    ...Array.from({ length: 4 }, () => ({ path: list(pattern), written: roll(2) === 0 })),
  ];
  const rules = matches.map((match) => ({ match, action: pick(['ALLOW', 'BLOCK', 'HUMAN_APPROVAL']) }));
  // Behind all others: so there is something to compare in each round.
  const rest = [true, false].map((written) => ({ match: { written }, action: pick(['BLOCK', 'HUMAN_APPROVAL']) }));
  return [...rules, ...rest].map((rule, at) => ({ name: `r${at}`, ...rule }));
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

/** A shell script of file operations, each of which may fail; `program` is copied into the tree, and runs scripts. */
function scriptOf(work, program, roll, count) {
  const name = () => Array.from({ length: 1 + roll(3) }, () => NAMES[roll(NAMES.length)]).join('/');
  const programs = [];
  const lines = Array.from({ length: count }, () => {
    const [one, two] = [`'${work}/${name()}'`, `'${work}/${name()}'`];
    const any = `'${work}/${NAMES[roll(NAMES.length)]}/${NAMES[roll(NAMES.length)]}'`;
    const run = roll(2) === 0 && programs.length > 0 ? programs[roll(programs.length)] : any;
    const line = [
      `read x < ${one}`,
      `echo x > ${one}`,
      `echo x >> ${one}`,
      `mkdir ${one}`,
      `/usr/bin/mv ${one} ${two}`,
      `/usr/bin/ln ${one} ${two}`,
      `/usr/bin/rm -f ${one}`,
      `/usr/bin/chmod 600 ${one}`,
      `/usr/bin/truncate -s 1 ${one}`,
      `/usr/bin/cp ${program} ${any}`,
      `echo '#!${program}' > ${any}; /usr/bin/chmod 755 ${any}`,
      ...Array(5).fill(`${run} -c :`),
    ][roll(16)];
    if (line.includes(program)) programs.push(any);
    return line;
  });
  return `${lines.map((line) => `{ ${line}; } 2>/dev/null`).join('\n')}\nexit 0\n`;
}

/** Of all that an event asks for the strictest answer counts, and of equals the first. */
const strictest = (verdicts) => verdicts.find(({ reason }) => reason !== 'approval_unavailable') ?? verdicts[0];

const objectOf = ({ path, path_to: to }) => `${path}${to === undefined ? '' : ` -> ${to}`}`;
/** A file that is made by an open is one event there, and two questions here: so not by the event's type. */
const keyOf = (event) => `${objectOf(event)} by ${event.policy_rule}`;

export default async function ({ agentgov, assert, figure, file, monitor, scaled, seed, work }) {
  let compared = 0;
  const ranBy = { tree: 0, others: 0 };
  const program = join(work, 'program');
  copyFileSync('/usr/bin/dash', program);
  for (let round = 0; round < scaled(20); round++) {
    const roll = dice(seed + round);
    const tree = join(work, `tree-${round}`);
    for (const folder of NAMES) mkdirSync(join(tree, folder, NAMES[roll(NAMES.length)]), { recursive: true });
    for (let i = 0; i < 60; i++) {
      const path = join(tree, NAMES[roll(8)], NAMES[roll(8)]);
      try {
        if (roll(3) === 0) copyFileSync(program, path);
        else writeFileSync(path, `#!${program}\n`, { mode: 0o755 });
      } catch {
        // It is a folder.
      }
    }
    const policy = await loadable(policyOf(tree, roll), agentgov, (text) => file(`policy-${round}.yaml`, text));
    const script = file(`script-${round}.sh`, scriptOf(tree, program, roll, 150));
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
    // What is run is told by the process: the finding names the interpreter of a script, and the kernel each file that it
    // asks about. Of an exec that failed no event says who wrote the file.
    const ran = new Map(
      log.find('process_exec', { action: 'OBSERVED', errno: undefined }).map((event) => [event.seq, event]),
    );
    const against = ({ pid, path, script }) =>
      verdicts.filter((event) => event.pid === pid && [path, script].includes(event.path));
    const isKnown = (event) => against(event).some(({ reason }) => reason === 'same_file');
    const isTold = ({ event_type: type, object, rule, first }) => {
      if (type !== 'process_exec') return told.has(`${object} by ${rule}`) || moved.has(object) || linked.has(object);
      const event = ran.get(first.seq);
      return !event || isKnown(event) || against(event).some((verdict) => verdict.policy_rule === rule);
    };
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
    const judged = [...ran.values()].filter((event) => against(event).length > 0 && !isKnown(event));
    const moreRun = judged
      .map((event) => `${event.path} by ${strictest(against(event)).policy_rule}`)
      .filter((key) => !wanted.includes(key));
    assert.deepEqual(
      [...more, ...moreRun],
      [],
      `round ${round} of seed ${seed}: what the kernel finds and replay did not`,
    );
    compared += wanted.length;
    for (const event of judged) ranBy[event.written === true || event.script_written === true ? 'tree' : 'others'] += 1;
  }
  assert.ok(compared > 20, `findings compared: ${compared}`);
  assert.ok(ranBy.tree > 0 && ranBy.others > 0, `programs compared, by who wrote them: ${JSON.stringify(ranBy)}`);
  figure('findings compared', compared);
  figure('programs compared', ranBy);
}
