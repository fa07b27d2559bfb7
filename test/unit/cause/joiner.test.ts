import { describe, expect, it } from 'vitest';
import { canonical } from '../../../src/audit/index.js';
import { Joiner, Origins } from '../../../src/cause/index.js';
import type { Request } from '../../../src/cause/request.js';
import type { AgentEvent } from '../../../src/events/index.js';

import { redactor } from '../tls/tap.js';

const opened = (): Joiner => new Joiner(new Origins(redactor));
const call = (args: object, seq = 42, tsUs = 100) => {
  const text = JSON.stringify(args);
  return { seq, tsUs, args: text, hmac: redactor.hash().update(text).digest('hex') };
};
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
  const joiner = opened();
  joiner.tool(call(args));
  return joiner.explained(event);
}

const COMMAND = 'curl -s https://pay.example/transfer && echo done';

const file = (path: string, more: AgentEvent = {}): AgentEvent => ({
  event_type: 'file_open',
  access: 'read',
  path,
  pid: 77,
  start_us: 7,
  ts_us: 200,
  ...more,
});

describe('a tool call explains', () => {
  it.each<[string, string, object, AgentEvent]>([
    ['the shell that runs its command', 'command', { command: COMMAND }, exec(['/bin/bash', '-c', COMMAND])],
    [
      'a shell that is told more',
      'command',
      { command: COMMAND },
      exec(['bash', '-lc', `cd /work && eval '${COMMAND}' ; pwd`]),
    ],
    ['a program of its command', 'command', { command: COMMAND }, exec(['curl', '-s', 'https://pay.example/transfer'])],
    ['a command that is a list', 'command', { command: ['git', 'push', 'origin'] }, exec(['git', 'push', 'origin'])],
    ['a host that it names', 'address', { url: 'https://pay.example/x' }, connect({ dest_domain: 'pay.example' })],
    ['an address that it names', 'address', { a: 'http://192.0.2.9:8080/' }, connect({ dest_ip: '192.0.2.9' })],
    [
      'a program that works on a file that it names',
      'path',
      { file: '/docs/a.csv' },
      exec(['sh', 'x.sh', '/docs/a.csv']),
    ],
    ['reading a file that it names', 'path', { file: '/docs/April bill.pdf' }, file('/docs/April bill.pdf')],
    ['a file in its command', 'path', { command: "sort '/docs/a.csv' | head" }, file('/docs/a.csv')],
    ['a file that is called so', 'name', { name: 'invoice.html' }, file('/x/docs/invoice.html')],
    ['a file below a folder', 'name', { file: '../src/main.c' }, file('/work/src/main.c')],
    [
      'moving a file to where it says',
      'path',
      { to: '/docs/b' },
      file('/x/y', { event_type: 'file_rename', path_to: '/docs/b' }),
    ],
    ['deleting one', 'path', { path: '/docs/' }, file('/docs', { event_type: 'file_delete' })],
    ['a name in letters of its own', 'name', { name: 'Rëchnung.pdf' }, file('/x/Rëchnung.pdf')],
  ])('%s', (_name, basis, args, event) => {
    expect(joined(args, event)).toEqual({ ...event, cause_seq: 42, cause_by: basis });
  });

  it.each<[string, object, AgentEvent]>([
    ['another command', { command: COMMAND }, exec(['wget', 'https://pay.example/'])],
    ['a program whose name is in many commands', { command: 'sh x.sh' }, exec(['sh'])],
    ['a path that holds one of its values', { mode: 'main' }, exec(['python3', '/src/main.py'])],
    ['a connection to another host', { url: 'https://pay.example/' }, connect({ dest_domain: 'evil.example' })],
    ['what came before it', { command: COMMAND }, exec(['bash', '-c', COMMAND], { ts_us: 50 })],
    ['changing a file that it does not name', { file: '/docs/a.csv' }, file('/docs/b.csv', { access: 'write' })],
    ['a file of the same end', { name: 'invoice.html' }, file('/docs/my-invoice.html', { event_type: 'file_delete' })],
    ['one in another folder', { file: '/a/b.csv' }, file('/docs/a/b.csv', { event_type: 'file_create' })],
  ])('but not %s', (_name, args, event) => {
    expect(joined(args, event)).toEqual({ ...event, intent: 'unmatched' });
  });

  it('not what everybody reads, and no work on devices', () => {
    for (const event of [file('/lib/libc.so.6'), file('/dev/null', { access: 'write' })])
      expect(joined({ file: '/docs/a.csv' }, event)).toBe(event);
  });

  it('what it takes to look at of all lines', () => {
    const joiner = opened();
    const line = (event: AgentEvent): string =>
      canonical({ action: 'OBSERVED', hash_prev: '', hash_self: '', ...event });
    const read = line(file('/x/Rëchnung "2".pdf'));
    expect(joiner.concerns(read)).toBe(false);
    joiner.tool(call({ name: 'Rëchnung "2".pdf' }));
    expect(joiner.concerns(read)).toBe(true);
    expect(joiner.concerns(line(file('/lib/libc.so.6')))).toBe(false);
    expect(joiner.concerns(line(file('/lib/x', { access: 'write' })))).toBe(true);
    expect(joiner.concerns(line(file('/lib/x', { event_type: 'file_delete' })))).toBe(true);
    expect(joiner.concerns(line({ event_type: 'process_exit', pid: 5 }))).toBe(false);
  });

  it('what the process does that it explains, and its children', () => {
    const joiner = opened();
    joiner.tool(call({ command: 'npm install left-pad' }));
    joiner.explained(exec(['npm', 'install', 'left-pad']));
    expect(joiner.explained(exec(['node-gyp'], { pid: 11, ppid: 10, start_us: 6 })).cause_seq).toBe(42);
    expect(joiner.explained(connect({ pid: 11, start_us: 6, dest_ip: '192.0.2.1' })).cause_seq).toBe(42);
    // The number is used again by a process that nothing explains.
    expect(joiner.explained(exec(['sshd'], { pid: 11, ppid: 1, start_us: 900 })).intent).toBe('unmatched');
    expect(joiner.explained(exec(['ls'], { pid: 12, ppid: 11, start_us: 901 })).intent).toBe('unmatched');
    expect(joiner.unmatched).toBe(2);
  });

  it('what a child does that runs no other program', () => {
    const joiner = opened();
    joiner.tool(call({ command: 'make all-of-it' }));
    joiner.explained(exec(['sh', '-c', 'make all-of-it']));
    joiner.explained({ event_type: 'process_fork', pid: 11, ppid: 10, start_us: 6 });
    const written = file('/out', { event_type: 'file_create', pid: 11, start_us: 6 });
    expect(joiner.explained(written)).toEqual({ ...written, cause_seq: 42, cause_by: 'process' });
    expect(joiner.unmatched).toBe(0);
  });

  it('nothing before there is one', () => {
    const event = exec(['agent']);
    expect(opened().explained(event)).toBe(event);
  });
});

const PAYMENT = { account: 'XX00DEMO31337', amount: '980.00' };
const sent = (more: Partial<Request> = {}): Request => ({
  tsUs: 200,
  pid: 77,
  startUs: 7,
  connection: 'c',
  localPort: undefined,
  host: 'pay.example',
  path: '/v1/payments',
  hmac: undefined,
  body: undefined,
  ...more,
});

describe('a request was sent for the call', () => {
  const cause = (args: object, request: Partial<Request>) => {
    const joiner = opened();
    joiner.tool(call(args));
    return joiner.request(sent(request));
  };

  it.each<[string, string, object, Partial<Request>]>([
    ['whose arguments are its body', 'body', PAYMENT, { hmac: call(PAYMENT).hmac }],
    ['the same, spelled anew', 'body', PAYMENT, { body: { amount: '980.00', account: 'XX00DEMO31337' } }],
    [
      'whose arguments are in its body',
      'body',
      PAYMENT,
      { body: { id: 1, params: { arguments: PAYMENT, name: 'x' } } },
    ],
    ['that names the address', 'url', { url: 'https://pay.example/v1/payments' }, {}],
    ['that names it in a command', 'url', { command: "curl 'https://pay.example' -s" }, { path: '/' }],
    ['whose values are in the query', 'values', { query: 'weather in Paris' }, { path: '/s?q=weather+in+Paris&n=1' }],
    ['whose values are in its body', 'values', PAYMENT, { body: { to: 'XX00DEMO31337', sum: { eur: '980.00' } } }],
  ])('%s', (_name, basis, args, request) => {
    expect(cause(args, request)).toEqual({ cause_seq: 42, cause_by: basis });
  });

  it.each<[string, object, Partial<Request>]>([
    ['of other arguments', PAYMENT, { body: { account: 'XX00DEMO31338', amount: '980.00' } }],
    ['without arguments to tell it by', {}, { body: {}, hmac: call({}).hmac }],
    ['of another address', { url: 'https://pay.example/v1/pay' }, {}],
    ['of a longer host', { url: 'https://not-pay.example/v1/payments' }, {}],
    ['that came after it', PAYMENT, { body: PAYMENT, tsUs: 50 }],
  ])('but not for one %s', (_name, args, request) => {
    expect(cause(args, request)).toBeUndefined();
  });

  it('each for its own, when several ask for the same', () => {
    const joiner = opened();
    for (const seq of [1, 2, 3]) joiner.tool(call(PAYMENT, seq));
    const causes = [1, 2, 3].map(() => joiner.request(sent({ body: PAYMENT }))?.cause_seq);
    expect(causes).toEqual([1, 2, 3]);
  });

  it.each([
    ['known with the request', { localPort: 40_001 }],
    ['known after it', {}],
  ])('which takes the connection out of what is not explained: own port %s', (_name, known) => {
    const joiner = opened();
    joiner.tool(call(PAYMENT));
    const at = { dest_ip: '192.0.2.9', dest_port: 443 };
    expect(joiner.explained(connect({ ...at, local_port: 40_001 }))).toMatchObject({ intent: 'unmatched' });
    joiner.explained(connect({ ...at, local_port: 40_002 }));
    expect(joiner.unmatched).toBe(2);
    joiner.request(sent({ body: PAYMENT, ...known }));
    joiner.peer({ connection: 'c', local_port: 40_001 });
    joiner.peer({ connection: 'other', local_port: 40_002 });
    expect(joiner.unmatched).toBe(1);
  });

  it('or its words came in with a content', () => {
    const joiner = opened();
    joiner.tool(call(PAYMENT));
    joiner.origins.learn('Ask evil.example about it.', 7);
    expect(joiner.explained(connect({ dest_domain: 'evil.example' })).words_from).toEqual(['evil.example 7']);
  });
});
