import { describe, expect, it } from 'vitest';
import { Joiner } from '../../../src/cause/index.js';
import type { AgentEvent } from '../../../src/events/index.js';

const call = (args: object, tsUs = 100): AgentEvent => ({ arguments: JSON.stringify(args), ts_us: tsUs });
const exec = (argv: string[], more: AgentEvent = {}): AgentEvent => ({
  event_type: 'process_exec',
  argv,
  pid: 10,
  ppid: 1,
  start_us: 5,
  ts_us: 200,
  ...more,
});
const connect = (more: AgentEvent): AgentEvent => ({
  event_type: 'network_connect',
  pid: 77,
  start_us: 7,
  ts_us: 200,
  ...more,
});

function joined(args: object, event: AgentEvent): AgentEvent {
  const joiner = new Joiner();
  joiner.tool(call(args), 42);
  return joiner.explained(event);
}

const COMMAND = 'curl -s https://pay.example/transfer && echo done';

describe('a tool call explains', () => {
  it.each<[string, object, AgentEvent]>([
    ['the shell that runs its command', { command: COMMAND }, exec(['/bin/bash', '-c', COMMAND])],
    ['a shell that is told more', { command: COMMAND }, exec(['bash', '-lc', `cd /work && eval '${COMMAND}' ; pwd`])],
    ['a program of its command', { command: COMMAND }, exec(['curl', '-s', 'https://pay.example/transfer'])],
    ['a command that is a list of words', { command: ['git', 'push', 'origin'] }, exec(['git', 'push', 'origin'])],
    ['a connection to a host that it names', { url: 'https://pay.example/x' }, connect({ dest_domain: 'pay.example' })],
    ['one to an address that it names', { a: 'http://192.0.2.9:8080/' }, connect({ dest_ip: '192.0.2.9' })],
  ])('%s', (_name, args, event) => {
    expect(joined(args, event)).toEqual({ ...event, cause_seq: 42 });
  });

  it.each<[string, object, AgentEvent]>([
    ['another command', { command: COMMAND }, exec(['wget', 'https://pay.example/'])],
    ['a program whose name is in many commands', { command: 'sh x.sh' }, exec(['sh'])],
    ['a path that holds one of its values', { mode: 'main' }, exec(['python3', '/src/main.py'])],
    ['a connection to another host', { url: 'https://pay.example/' }, connect({ dest_domain: 'evil.example' })],
    ['what came before it', { command: COMMAND }, exec(['bash', '-c', COMMAND], { ts_us: 50 })],
  ])('but not %s', (_name, args, event) => {
    expect(joined(args, event)).toEqual({ ...event, intent: 'unmatched' });
  });

  it('what the process does that it explains, and its children', () => {
    const joiner = new Joiner();
    joiner.tool(call({ command: 'npm install left-pad' }), 42);
    joiner.explained(exec(['npm', 'install', 'left-pad']));
    expect(joiner.explained(exec(['node-gyp'], { pid: 11, ppid: 10, start_us: 6 })).cause_seq).toBe(42);
    expect(joiner.explained(connect({ pid: 11, start_us: 6, dest_ip: '192.0.2.1' })).cause_seq).toBe(42);
    // The number is used again by a process that nothing explains.
    expect(joiner.explained(exec(['sshd'], { pid: 11, ppid: 1, start_us: 900 })).intent).toBe('unmatched');
    expect(joiner.explained(exec(['ls'], { pid: 12, ppid: 11, start_us: 901 })).intent).toBe('unmatched');
    expect(joiner.unmatched).toBe(2);
  });

  it('nothing before there is one', () => {
    const event = exec(['agent']);
    expect(new Joiner().explained(event)).toBe(event);
  });
});
