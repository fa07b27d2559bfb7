/**
 * The environment that workloads run in: the user's own, without what `npm run bench` and sudo put there. npm would
 * read its caller's settings, the lookup of every command would walk npm's extra PATH entries, and agentgov would drop
 * to the invoking user, who may not write the group file of the accounting. And without certificates of this machine's
 * own: Node parses them at each start, which costs more than the rest of that start and is nobody's work here.
 */
export function workloadEnvironment(extra = {}) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|sudo_|node_options$|node_v8_coverage$|node_extra_ca_certs$|init_cwd$)/i.test(name),
  );
  const environment = Object.fromEntries(kept);
  environment.PATH = (environment.PATH ?? '')
    .split(':')
    .filter((folder) => !/node_modules\/\.bin$|node-gyp-bin$/.test(folder))
    .join(':');
  return { ...environment, ...extra };
}
