import { describe, expect, it } from 'vitest';
import { type AgentEvent, checkEvent, type EventDraft, FIELDS } from '../../../src/events/index.js';

const HASH = 'a'.repeat(64);
const open: AgentEvent = {
  action: 'OBSERVED',
  agent_id: 'finance-agent',
  event_type: 'file_open',
  flags: ['O_RDONLY'],
  hash_prev: HASH,
  hash_self: HASH,
  path: '/etc/hosts',
  pid: 7,
  seq: 1,
  timestamp: '2026-04-14T09:23:01.234Z',
};
const kinds = (event: Record<string, unknown>) => checkEvent(event).map((f) => `${f.field} ${f.kind}`);

describe('checkEvent', () => {
  it('finds nothing in a good event', () => expect(checkEvent(open)).toEqual([]));

  it('asks a draft for all but what the log adds', () => {
    const { seq, hash_prev, hash_self, ...draft } = open;
    expect(checkEvent(draft, { draft: true })).toEqual([]);
    expect(kinds(draft)).toEqual(['seq missing', 'hash_prev missing', 'hash_self missing']);
    expect(checkEvent({ ...open, seq: 0, hash_prev: '' }, { draft: true })).toEqual([]);
  });

  it.each([
    ['an unknown field', { path_deletd: true }, 'path_deletd unknown'],
    ['a name from Object.prototype', { constructor: 'x' }, 'constructor unknown'],
    ['a number as text', { pid: '7' }, 'pid mistyped'],
    ['a float', { tid: 1.5 }, 'tid mistyped'],
    ['an unsafe integer', { ts_us: 2 ** 53 }, 'ts_us mistyped'],
    ['minus zero', { uid: -0 }, 'uid mistyped'],
    ['a negative number', { errno: -2 }, 'errno mistyped'],
    ['null', { path: null }, 'path mistyped'],
    ['an array with a number', { flags: ['O_RDONLY', 3] }, 'flags mistyped'],
    ['a wide id as number', { event_type: 'process_exec', flags: [], cgroup: 5 }, 'cgroup mistyped'],
    ['a timestamp without milliseconds', { timestamp: '2026-04-14T09:23:01Z' }, 'timestamp mistyped'],
    ['an unknown event type', { event_type: 'file_opened' }, 'event_type mistyped'],
    ['an unknown action', { action: 'SEEN' }, 'action mistyped'],
    ['a field of another type', { dest_ip: '127.0.0.1' }, 'dest_ip misplaced'],
    ['hex with an odd digit', { path_hex: 'abc' }, 'path_hex mistyped'],
  ])('names %s', (_, change, fault) => expect(kinds({ ...open, ...change })).toEqual([fault]));

  it('names a missing field that every event carries', () => {
    const { agent_id, ...rest } = open;
    expect(kinds(rest)).toEqual(['agent_id missing']);
  });
});

describe('the registry', () => {
  it('is snake_case and says what each field means', () => {
    for (const [name, field] of Object.entries(FIELDS)) {
      expect(name).toMatch(/^[a-z]+(_[a-z0-9]+)*$/);
      expect(field.meaning.length).toBeGreaterThan(10);
    }
  });

  it('gives types that hold a builder to it', () => {
    const draft: EventDraft = { event_type: 'file_open', action: 'OBSERVED', pid: 1, flags: ['O_RDONLY'] };
    const event: AgentEvent = draft;
    expect(event.pid).toBe(1);
    // @ts-expect-error a field that is not registered
    const unknown: EventDraft = { event_type: 'file_open', action: 'OBSERVED', path_deletd: true };
    // @ts-expect-error a wrong type
    const mistyped: EventDraft = { event_type: 'file_open', action: 'OBSERVED', pid: '1' };
    expect([unknown, mistyped]).toHaveLength(2);
  });
});
