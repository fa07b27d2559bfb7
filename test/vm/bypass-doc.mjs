// The text of docs/bypass.md: what was tried (guest/lib/bypass-ways.mjs), and what came of it in the boots of the full
// lane (docs/evidence/vm-matrix.json). A unit test holds the page to it.
import { ROOMS } from './guest/lib/bypass-ways.mjs';
import { KERNELS } from './kernels.mjs';
import { table } from './markdown.mjs';

const KINDS = { deny: 'deny-list', allow: 'allow-list' };

const names = (text) => new Set(text.split(' ').filter(Boolean));

/** Of each boot in which the suite passed: { kernel, tier, release, missing, deny: { stopped, open }, allow }. */
function bootsOf({ figures }) {
  return Object.entries(figures).flatMap(([boot, { release, tests }]) => {
    const [kernel, tier] = boot.split(' ');
    const { state, ways } = tests.bypass ?? {};
    if (state !== 'ok') return [];
    const of = (kind) => ({ stopped: names(ways[kind].stopped), open: names(ways[kind].open) });
    return [{ kernel, tier, release, missing: names(ways.missing), deny: of('deny'), allow: of('allow') }];
  });
}

/** What became of a way in a boot. */
function result(way, boot) {
  if (boot.missing.has(way)) return 'not there';
  const kinds = Object.keys(KINDS);
  const open = kinds.filter((kind) => boot[kind].open.has(way));
  const known = kinds.filter((kind) => boot[kind].stopped.has(way) || boot[kind].open.has(way));
  if (known.length < kinds.length) return 'not tried';
  return open.length === 0 ? 'stopped' : open.length === kinds.length ? '**open**' : `**open** (${KINDS[open[0]]})`;
}

/** One cell for a kernel: what holds in all its tiers, or each of them. */
function cell(way, boots) {
  if (boots.length === 0) return '';
  const results = new Map(boots.map((boot) => [boot.tier, result(way, boot)]));
  const all = [...new Set(results.values())];
  return all.length === 1 ? all[0] : [...results].map(([tier, text]) => `${tier}: ${text}`).join(', ');
}

export function bypassDoc(evidence) {
  const boots = bootsOf(evidence);
  const kernels = KERNELS.map(({ name }) => name).filter((name) => boots.some(({ kernel }) => kernel === name));
  const of = (kernel) => boots.filter((boot) => boot.kernel === kernel);
  const ways = ROOMS.flatMap(([, some]) => some);
  const open = ways.filter((way) => way.open !== undefined);
  const silent = ways.filter(({ untold }) => untold).map(({ name }) => `\`${name}\``);
  const untold = `${silent.slice(0, -1).join(', ')} and ${silent.at(-1)}`;
  const tried = kernels.map((kernel) => [
    of(kernel)[0].release,
    of(kernel)
      .map(({ tier }) => `\`${tier}\``)
      .join(' '),
  ]);
  const rooms = ROOMS.map(([room, some]) => {
    const rows = some.map(({ name, what }) => [
      `\`${name}\``,
      what,
      ...kernels.map((kernel) => cell(name, of(kernel))),
    ]);
    return `## ${room}\n\n${table(['way', 'what it does', ...kernels], rows)}`;
  });
  return `# Ways around a policy

<!-- Made from test/vm/guest/lib/bypass-ways.mjs and docs/evidence/vm-matrix.json: UPDATE_DOCS=1 npx vitest run --project unit test/unit/harness/bypass-doc.test.ts -->

${ways.length} ways to do what a policy forbids, each tried as root, on real kernels (\`test/vm/guest/bypass.mjs\`): under a deny-list, which
forbids a folder, a program, what the tree itself wrote, two addresses and a port and allows all else, and under an allow-list, which allows little and not those.
Without the rule over what the tree wrote (\`written: true\`) a copy of a program runs under a deny-list, which knows only the program itself.

- **stopped**: under both the call failed with the rule's errno (of ${untold} no errno is told: the
  program, the library, the descriptor, the message was not there), the log has the event as \`BLOCKED\` with the right rule and errno, and nobody at the other end got anything.
- **open**: it led there, under the policy that is named, else under both.
- Each of them leads there while nothing is enforced, and in mode audit: what does not on a kernel is *not there*.

What is open, and why:

${open.map((way) => `- \`${way.name}\`: ${way.what}. ${reason(way)}`).join('\n')}

Tried on:

${table(['kernel', 'tiers'], tried)}

${rooms.join('\n\n')}
`;
}

function reason({ open }) {
  const kinds = Object.keys(open);
  const why = [...new Set(Object.values(open))].join('; ');
  return kinds.length === 1
    ? `Under ${kinds[0] === 'allow' ? 'an' : 'a'} ${KINDS[kinds[0]]}: ${why}.`
    : `${why[0].toUpperCase()}${why.slice(1)}.`;
}
