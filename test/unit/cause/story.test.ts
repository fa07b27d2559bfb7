import { describe, expect, it } from 'vitest';
import { canonical } from '../../../src/audit/index.js';
import { Facts, tellStory } from '../../../src/cause/index.js';
import type { AgentEvent } from '../../../src/events/index.js';

/** What `why` tells of the event with this `seq`: the `seq` of each step. */
function told(events: readonly AgentEvent[], seq: number) {
  const facts = new Facts(seq);
  for (const [at, event] of events.entries()) facts.line(canonical({ pid: 5, start_us: 6, ...event, seq: at + 1 }));
  return tellStory(facts, seq).map(({ event, rests }) => [event.seq, rests.slice(0, rests.indexOf(':'))]);
}

const PEER = { dest_ip: '192.0.2.9', dest_port: 443 };
const connect = (port: number): AgentEvent => ({
  event_type: 'network_connect',
  ...PEER,
  local_port: port,
  intent: 'unmatched',
});
const call = (id: string): AgentEvent => ({ event_type: 'tool_call', tool: 'pay', tool_call_id: id, cause_seq: 1 });
const request = (connection: string, more: AgentEvent = {}): AgentEvent => ({
  event_type: 'http_request',
  connection,
  ...more,
});
const response = (connection: string, port: number): AgentEvent => ({
  event_type: 'http_response',
  connection,
  ...PEER,
  local_port: port,
});
const by = (seq: number): AgentEvent => ({ cause_seq: seq, cause_by: 'body' });

describe('a connection that no call names', () => {
  const asked: AgentEvent[] = [{ event_type: 'llm_request' }, call('a'), call('b')];

  it('is told by what went over its socket, with another open beside it', () => {
    const events = [
      ...asked,
      connect(40_001),
      connect(40_002),
      request('two', by(3)),
      request('one', by(2)),
      response('two', 40_002),
      response('one', 40_001),
    ];
    expect(told(events, 4).slice(0, 3)).toEqual([
      [4, ''],
      [7, 'sure'],
      [2, 'sure'],
    ]);
    expect(told(events, 5).slice(0, 3)).toEqual([
      [5, ''],
      [6, 'sure'],
      [3, 'sure'],
    ]);
  });

  it('is told by the first that came after it, where its port was used before', () => {
    const events = [
      ...asked,
      connect(40_001),
      request('one', by(2)),
      response('one', 40_001),
      connect(40_001),
      request('two', by(3)),
      response('two', 40_001),
    ];
    expect(told(events, 4)[1]).toEqual([5, 'sure']);
    expect(told(events, 7)[1]).toEqual([8, 'sure']);
  });

  it('is the agent itself where a model is asked over it', () => {
    const events = [
      ...asked,
      connect(40_001),
      request('one'),
      { event_type: 'llm_request', cause_seq: 5, connection: 'one' },
      response('one', 40_001),
    ];
    expect(told(events, 4).map(([seq]) => seq)).toEqual([4, 5, 6]);
  });

  it('stays unexplained where nothing is known of its socket', () => {
    const { local_port: _, ...unknown } = connect(1);
    const events = [...asked, unknown, request('one', { ...by(2), ...PEER })];
    expect(told(events, 4)).toEqual([[4, '']]);
    expect(told([...asked, connect(40_001), response('one', 40_009), request('one', by(2))], 4)).toEqual([[4, '']]);
  });
});

it('tells an event of a kind that is not joined by its process', () => {
  const events: AgentEvent[] = [
    { event_type: 'llm_request' },
    call('a'),
    { event_type: 'process_exec', argv: ['x'], cause_seq: 2, cause_by: 'command' },
    { event_type: 'process_exec', argv: ['failed'], errno: 2 },
    { event_type: 'file_open', path: '/lib/libc.so.6', access: 'read' },
    { event_type: 'process_exec', argv: ['later'] },
  ];
  expect(told(events, 5).map(([seq]) => seq)).toEqual([5, 3, 2, 1]);
});
