import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, isSeq, parseDocument, type YAMLSeq } from 'yaml';
import { PACKAGE_ROOT } from '../../package.js';
import { parsePolicy } from '../language/load.js';
import { parseAddress } from '../pattern/address.js';
import { nameServers, readSmall, registries } from './registries.js';

const FOLDER = join(PACKAGE_ROOT, 'templates', 'policies');
/** What the templates call the project folder. */
const WORKSPACE = '/workspace';

export interface Template {
  readonly name: string;
  readonly title: string;
}

/** The policies that ship with the package, by name. */
export async function templates(): Promise<Template[]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.yaml')).sort();
  return Promise.all(
    files.map(async (file) => {
      const [first = ''] = (await readFile(join(FOLDER, file), 'utf8')).split('\n');
      return { name: file.replace(/\.yaml$/, ''), title: first.replace(/^# */, '') };
    }),
  );
}

export interface FitOptions {
  /** Absolute path of the project. */
  workspace: string;
  /** Home folder of the user whose package managers are looked at. */
  home: string;
  env: NodeJS.ProcessEnv;
  agentId?: string;
  /** Text of resolv.conf; that of this machine when it is not given. */
  resolvConf?: string;
}

export interface Fitted {
  readonly text: string;
  readonly rules: number;
  /** What could not be filled in. */
  readonly notes: readonly string[];
}

const escapePattern = (path: string): string => path.replace(/[\\*]/g, '\\$&');

function findRule(rules: YAMLSeq, name: string) {
  const found = rules.items.find((item) => isMap(item) && item.get('name') === name);
  if (!isMap(found)) throw new Error(`the template has no rule ${name}`);
  return found;
}

/**
 * A template with the project folder, name servers and package registries filled in; it loads.
 *
 * @param name one of `templates()`.
 */
export async function fitTemplate(name: string, options: FitOptions): Promise<Fitted> {
  const { workspace, home, env, agentId, resolvConf } = options;
  const document = parseDocument(await readFile(join(FOLDER, `${name}.yaml`), 'utf8'));
  const rules = document.get('policies');
  if (!isSeq(rules)) throw new Error(`the template ${name} has no rules`);
  const notes: string[] = [];
  if (agentId !== undefined) document.set('agent_id', agentId);

  const project = escapePattern(workspace === '/' ? '' : workspace);
  for (const rule of rules.items) {
    for (const key of ['path', 'path_prefix']) {
      const list = isMap(rule) ? rule.getIn(['match', key]) : undefined;
      if (!isSeq(list)) continue;
      const paths = list.toJSON() as string[];
      for (const [at, path] of paths.entries()) {
        if (path === WORKSPACE || path.startsWith(`${WORKSPACE}/`))
          list.set(at, project + path.slice(WORKSPACE.length));
      }
    }
  }

  const servers = nameServers(resolvConf ?? (await readSmall('/etc/resolv.conf'))).filter(
    (server) => parseAddress(server) !== undefined,
  );
  if (servers.length > 0)
    findRule(rules, 'name_servers').setIn(['match', 'destination_ip'], flow(document.createNode(servers)));
  else notes.push('no name server was found in /etc/resolv.conf: the rule name_servers allows port 53 everywhere');

  const byPort = await registries(home, workspace, env);
  for (const [port, hosts] of byPort) {
    const rule = document.createNode({
      name: port === 443 ? 'package_registries' : `package_registries_${port}`,
      match: { event: ['network_connect', 'network_send'], destination_domain: hosts, port: [port] },
      action: 'ALLOW',
    });
    const match = rule.get('match', true);
    if (isMap(match)) flow(match);
    rule.commentBefore = ' From the configuration of your package managers.';
    rules.add(rule);
  }
  if (byPort.length === 0)
    notes.push(
      'no package registry is named in the configuration of npm, pip, cargo or go: add its host as a rule if the agent installs packages',
    );

  const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  const policy = parsePolicy(Buffer.from(text), name);
  return { text, rules: policy.document.policies.length, notes };
}

/** `{a: [b]}` on one line, as the rest of the file is. */
function flow<T extends { flow?: boolean }>(node: T): T {
  node.flow = true;
  return node;
}
