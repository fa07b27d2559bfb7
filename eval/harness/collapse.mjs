// The plain rule by which other learners generalise paths, for comparison: kubescape's (storage, dynamicpathdetector).
// A level of the tree of all paths with more children than a threshold becomes one wildcard; programs and hosts stay as
// they were seen.

/** kubescape's default. Its smaller and larger ones are for folders of its own choice. */
export const THRESHOLD = 50;

const DYNAMIC = Symbol('one component, whichever');
const newNode = () => ({ children: new Map(), verbs: new Set() });

function add(root, names, verbs) {
  let node = root;
  for (const name of names) {
    if (!node.children.has(name)) node.children.set(name, newNode());
    node = node.children.get(name);
  }
  for (const verb of verbs) node.verbs.add(verb);
}

function unite(into, { children, verbs }) {
  for (const verb of verbs) into.verbs.add(verb);
  for (const [name, child] of children) {
    if (!into.children.has(name)) into.children.set(name, newNode());
    unite(into.children.get(name), child);
  }
}

function collapse(node, threshold) {
  if (node.children.size > threshold) {
    const one = newNode();
    for (const child of node.children.values()) unite(one, child);
    node.children = new Map([[DYNAMIC, one]]);
  }
  for (const child of node.children.values()) collapse(child, threshold);
}

function* leaves(node, names = []) {
  if (node.verbs.size > 0 && names.length > 0) yield { names, verbs: node.verbs };
  for (const [name, child] of node.children) yield* leaves(child, [...names, name]);
}

/** Two wildcards side by side are any number of components. */
const patternOf = (names, spell) =>
  names.reduce((text, name, at) => {
    if (name !== DYNAMIC) return `${text}/${spell(name)}`;
    if (names[at - 1] === DYNAMIC) return text;
    return `${text}/${names[at + 1] === DYNAMIC ? '**' : '*'}`;
  }, '');

/**
 * @param {Array<{path: string, verb: string}>} used absolute paths
 * @param {(name: string) => string} spell a component as a pattern that matches it alone
 * @returns {Map<string, string[]>} for each verb the patterns, sorted
 */
export function collapsePaths(used, spell, threshold = THRESHOLD) {
  const root = newNode();
  for (const { path, verb } of used) add(root, path.split('/').filter(Boolean), [verb]);
  collapse(root, threshold);
  const patterns = new Map();
  for (const { names, verbs } of leaves(root)) {
    for (const verb of verbs) patterns.set(verb, (patterns.get(verb) ?? new Set()).add(patternOf(names, spell)));
  }
  return new Map([...patterns].map(([verb, texts]) => [verb, [...texts].sort()]));
}

const FILE_VERBS = new Set(['read', 'write', 'create', 'delete', 'rename', 'link', 'attr']);
/** No pattern of the policy language spells a control character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const isSpellable = (path) => path?.startsWith('/') && !/[\u0000-\u001f\u007f]/.test(path);

/**
 * A policy that allows what a profile holds, generalised by this rule and by nothing else.
 *
 * @param {import('../../src/profile/index.ts').Profile} profile
 * @param {{literalPattern: (path: string) => string, agentId: string}} options
 * @returns {string} JSON, which is YAML
 */
export function collapsedPolicy(profile, { literalPattern, agentId }) {
  const entries = [...profile.programs.values()].flatMap((program) => [...program.entries.values()]);
  const used = entries
    .filter(({ verb, target }) => FILE_VERBS.has(verb) && isSpellable(target.path))
    // Pids are rewritten before anything else; a folder of more names than a profile keeps is over any threshold.
    .map(({ verb, target: { path, many } }) => ({ verb, path: `${path}${many ? '/*' : ''}` }));
  const spell = (name) => (name === '*' ? '*' : literalPattern(name));
  const files = [
    ...collapsePaths(
      used.map(({ verb, path }) => ({ verb, path: path.replace(/^\/proc\/self(?=\/|$)/, '/proc/*') })),
      spell,
    ),
  ];
  const rules = files.map(([verb, path]) => ({ access: [verb], path }));
  const programs = entries.filter(({ verb, target }) => verb === 'exec' && isSpellable(target.path));
  if (programs.length > 0)
    rules.push({ access: ['exec'], path: unique(programs.map(({ target }) => literalPattern(target.path))) });
  for (const { verb, target } of entries) {
    const { domain, ip, port, path } = target;
    const where =
      path !== undefined
        ? /^[/@]/.test(path) && { path: [literalPattern(path)] }
        : domain !== undefined
          ? { destination_domain: [domain] }
          : ip !== undefined && { destination_ip: [ip] };
    if (!where || FILE_VERBS.has(verb) || verb === 'exec') continue;
    rules.push({ event: [verb], ...where, ...(port !== undefined && { port: [port] }) });
  }
  const matches = unique(rules.map((match) => JSON.stringify(match)));
  return JSON.stringify({
    version: '1.0',
    agent_id: agentId,
    mode: 'audit',
    default_action: { file: 'BLOCK', exec: 'BLOCK', network: 'BLOCK', tool: 'HUMAN_APPROVAL' },
    policies: matches.map((match, at) => ({ name: `rule_${at}`, match: JSON.parse(match), action: 'ALLOW' })),
  });
}

const unique = (items) => [...new Set(items)];
