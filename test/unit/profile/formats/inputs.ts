// Profiles that the formats are tried with.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentEvent } from '../../../../src/events/index.js';
import { Engine } from '../../../../src/policy/index.js';
import { type Generated, generate, parseProfile } from '../../../../src/profile/index.js';
import { random } from '../../../scale.js';
import { learn, run } from '../agent.js';

/** The finance agent of the demo, three clean runs. */
const FINANCE = join(import.meta.dirname, '../fixtures/finance-agent.profile.json');
export const finance = (): Generated => generate(parseProfile(readFileSync(FINANCE, 'utf8'), FINANCE));

export const NAMES = [
  'a"b',
  "it's",
  'a b # c',
  'x: y',
  '- x',
  'b,c',
  '{a,b}',
  '[a-z]',
  'q?',
  '*',
  'a*b',
  '**',
  '@{HOME}',
  '$x',
  '^x',
  'a\\b',
  '\\x5cx41',
  '\\xff',
  'é🙂',
  '#include <x>',
  '"deny /** rwklx,',
  '{{ .Name }}',
  '!!js x',
  '%s',
  "'; --",
  'no\nlines: true\n/** rw,',
  '\u2028/** rw,',
  '\u202etxt',
];
export const session = (events: object[], id: string): AgentEvent[] =>
  [{ event_type: 'session_start', session_id: id, run_id: id, target_pids: ['7'], tier: 'lsm' }, ...events].map(
    (one, index) => ({
      action: 'OBSERVED',
      agent_id: 'Ada.L_@x+1',
      pid: 7,
      exe: '/usr/bin/node',
      timestamp: new Date(Date.UTC(2026, 3, 14) + 1000 * index).toISOString(),
      ts_us: index * 1e6,
      ...one,
    }),
  ) as AgentEvent[];

/** Everything named so that it might be taken for something else. */
export function hostile(): Generated {
  const events = NAMES.flatMap((name) => [
    { event_type: 'file_open', access: 'read', path: `/srv/app/${name}` },
    { event_type: 'file_create', access: 'write', path: `/srv/out/${name}/log` },
    { event_type: 'process_exec', path: `/opt/${name}/tool` },
    { event_type: 'unix_connect', path: `@${name}` },
    { event_type: 'unix_connect', path: `/srv/${name}.sock` },
    { event_type: 'tool_call', tool: name },
    {
      event_type: 'network_connect',
      dest_domain: name,
      dest_ip: '192.0.2.3',
      dest_port: 443,
      exe: `/opt/${name}/tool`,
    },
    { event_type: 'file_open', access: 'read', path: `/home/${name}/.ssh/id` },
  ]);
  const other = [
    { event_type: 'network_connect', dest_domain: 'meta.example', dest_ip: '169.254.169.254', dest_port: 80 },
    { event_type: 'network_listen', local_ip: '0.0.0.0', local_port: 8080, protocol: 'tcp' },
    { event_type: 'events_lost', count: 3 },
  ];
  return generate(learn([session([...events, ...other], 'r1'), session(events, 'r2')]));
}
export function drawn(): Generated {
  const draw = random('formats');
  return generate(learn(Array.from({ length: 2 }, () => run(draw, 50))));
}

/** The same policy without what forbids: what a format may open where it cannot close. */
export function openedBy({ policy }: Generated): (path: string) => boolean {
  const policies = policy.document.policies.filter(({ action }) => action === 'ALLOW');
  const engine = new Engine({ ...policy, document: { ...policy.document, policies } });
  const events: AgentEvent[] = [
    { event_type: 'file_open', access: 'read' },
    { event_type: 'file_open', access: 'write' },
    { event_type: 'file_create', access: 'create' },
    ...['process_exec', 'file_delete', 'file_rename', 'file_link', 'file_attr'].map((event_type) => ({ event_type })),
  ];
  return (object) => events.some((one) => engine.decide({ ...one, path: object, path_to: object })?.action === 'ALLOW');
}
export const below = (object: string, folders: readonly string[]): boolean =>
  folders.some((one) => object === one || object.startsWith(`${one}/`));
