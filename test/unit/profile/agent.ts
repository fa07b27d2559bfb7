// Recordings of an agent that does not exist: each run draws what it does, with names as real programs make them.
import type { AgentEvent } from '../../../src/events/index.js';
import { Learner, newProfile, type Profile } from '../../../src/profile/index.js';

type Draw = () => number;
const HEX = '0123456789abcdef';
const ALNUM = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

const pick = <Item>(draw: Draw, items: readonly Item[]): Item => items[Math.floor(draw() * items.length)] as Item;
export const word = (draw: Draw, letters: string, length: number): string =>
  Array.from({ length }, () => letters[Math.floor(draw() * letters.length)]).join('');

/** Names that a hostile or merely odd agent may give. */
const ODD = ['a*b', 'a\\b', '\\x5cx41', '..b', ' ', '#', '"quoted"', '🙂', '\\xff', '*', '**', '~', '-', 'a: b'];

export function path(draw: Draw): string {
  const home = pick(draw, ['/root', '/home/ann', '/home/bob']);
  return pick<() => string>(draw, [
    () => `/usr/lib/lib${word(draw, 'abc', 1)}.so.${Math.floor(draw() * 3)}.${Math.floor(draw() * 9)}`,
    () => `/tmp/tmp${word(draw, 'abcxyz0189_', 8)}/${pick(draw, ['a', 'b/c', 'x.json'])}`,
    () => `/tmp/work-${word(draw, ALNUM, 6)}`,
    () => `/tmp/${word(draw, ALNUM, 10)}`,
    () => `/work/app/src/f${Math.floor(draw() * 30)}.ts`,
    () => `/work/app/.cache/${word(draw, HEX, 40)}`,
    () => `/work/app/log-2026-0${1 + Math.floor(draw() * 9)}-1${Math.floor(draw() * 9)}.txt`,
    () => `/work/app/${pick(draw, ODD)}/${pick(draw, ODD)}`,
    () => `/work/app/${pick(draw, ['.env', '.git/config', '.git/hooks/x', '.vscode/a', 'credentials.json'])}`,
    () => `${home}/${pick(draw, ['.ssh/id_rsa', '.bashrc', '.netrc', '.cache/a/b', '.config/x', 'doc/a'])}`,
    () => `${home}/.cache/pip/${word(draw, HEX, 2)}/${word(draw, HEX, 32)}`,
    () => `/proc/${pick(draw, [7, 8, 4242])}/${pick(draw, ['stat', 'environ', 'fd/3', 'task/9/stat'])}`,
    () => `/${word(draw, 'abc', 1)}`,
    () => pick(draw, ['/', '/etc/passwd', '/etc/shadow', '/dev/null', '/work/app/agentgov.yaml']),
  ])();
}

const EXES = ['/usr/bin/node', '/usr/bin/git', '/work/app/*tool', '/home/ann/bin/x'];

/** Something that the agent does. */
export function event(draw: Draw): AgentEvent {
  const exe = pick(draw, EXES);
  const who = { action: 'OBSERVED', pid: pick(draw, [7, 8]), start_us: 1, exe };
  const file = (type: string, more: object = {}): AgentEvent => ({
    ...who,
    event_type: type,
    path: path(draw),
    ...more,
  });
  const port = pick(draw, [443, 80, 33_000 + Math.floor(draw() * 9000)]);
  const host = pick<object>(draw, [
    {
      dest_domain: pick(draw, ['api.example.com', 'localhost', 'x.example.org.', 'bad_.name', '\\032odd']),
      dest_ip: '192.0.2.7',
    },
    {
      dest_ip: pick(draw, [
        '127.0.0.1',
        '0.0.0.0',
        '::',
        '192.0.2.9',
        '::ffff:192.0.2.9',
        '2001:db8::1',
        '169.254.169.254',
      ]),
    },
  ]);
  return pick<() => AgentEvent>(draw, [
    () => file('file_open', { access: pick(draw, ['read', 'write', 'read_write']) }),
    () => file('file_open', { access: 'read', flags: ['O_TRUNC'] }),
    () => file('file_create', { access: pick(draw, ['write', 'create']) }),
    () => file('file_delete'),
    () => file('file_rename', { path_to: path(draw) }),
    () => file('file_link', { path_to: path(draw) }),
    () => file('file_truncate'),
    () => file('file_attr'),
    () => file('file_open', { access: 'read', errno: 2 }),
    () => file('process_exec'),
    () => file('process_exec', { script: path(draw), interpreter: '/bin/sh' }),
    () => ({ ...who, event_type: 'network_connect', ...host, dest_port: port, protocol: 'tcp' }),
    () => ({ ...who, event_type: 'network_send', ...host, dest_port: port, protocol: 'udp' }),
    () => ({ ...who, event_type: 'network_bind', local_ip: '0.0.0.0', local_port: port, protocol: 'tcp' }),
    () => ({ ...who, event_type: 'network_listen', local_ip: '::', local_port: port, protocol: 'tcp' }),
    () => ({ ...who, event_type: 'network_connect', protocol: 'netlink' }),
    () => ({
      ...who,
      event_type: 'unix_connect',
      path: pick(draw, ['/run/docker.sock', '@x', `/tmp/s-${word(draw, HEX, 20)}`]),
    }),
    () => ({ ...who, event_type: 'tool_call', tool: pick(draw, ['search', 'exec', 'file_write']) }),
    () => ({
      ...who,
      event_type: pick(draw, ['mount', 'ptrace', 'signal', 'privilege_change', 'io_uring_setup', 'kernel_tamper']),
    }),
  ])();
}

let made = 0;
/** A whole recording of these events; every other one behind a call of a tool is explained by it. */
export function recording(did: readonly object[]): AgentEvent[] {
  const id = `session-${made++}`;
  const at = (index: number): string => new Date(Date.UTC(2026, 3, 14) + 1000 * index).toISOString();
  const start = { event_type: 'session_start', session_id: id, run_id: `run-${id}`, target_pids: ['7'], tier: 'lsm' };
  let call: number | undefined;
  return [start, ...did, { event_type: 'session_end', session_id: id }].map((one, index) => {
    const cause = call !== undefined && index % 2 === 0 ? { cause_seq: call } : {};
    if ((one as AgentEvent).event_type === 'tool_call') call = index + 1;
    return { agent_id: 'a', seq: index + 1, ...cause, ...one, timestamp: at(index), ts_us: index * 1e6 } as AgentEvent;
  });
}

/** One run: what a recording of it holds. */
export const run = (draw: Draw, length: number): AgentEvent[] => recording(Array.from({ length }, () => event(draw)));

/** The profile of these runs, each from a recording of its own. */
export function learn(runs: readonly AgentEvent[][]): Profile {
  const profile = newProfile();
  for (const events of runs) {
    const learner = new Learner(profile, true);
    for (const one of events) learner.take(one);
  }
  return profile;
}
