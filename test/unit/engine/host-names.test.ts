// What rules name is asked of the machine's resolver: once at a time, and no policy waits for it longer than it must.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HostNames, type Lead } from '../../../src/engine/host-names.js';

/** Questions that wait for their answers, by name. */
const asked = new Map<string, { answer: (addresses: string[]) => void; fail: () => void }>();
vi.mock('node:dns/promises', () => ({
  lookup: (name: string) =>
    new Promise((resolve, reject) => {
      expect(asked.has(name), `${name} is asked twice at once`).toBe(false);
      const over = (act: () => void) => () => {
        asked.delete(name);
        act();
      };
      asked.set(name, {
        answer: (addresses) => over(() => resolve(addresses.map((address) => ({ address, family: 4 }))))(),
        fail: over(() => reject(new Error('ENOTFOUND'))),
      });
    }),
}));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  asked.clear();
  vi.useRealTimers();
});

const answer = (name: string, ...addresses: string[]): void => asked.get(name)?.answer(addresses);

it('waits for names that are new, and asks the others again afterwards', async () => {
  const hosts = new HostNames();
  const first = hosts.settle(['a', 'b']);
  answer('a', '10.0.0.1', '10.0.0.2');
  asked.get('b')?.fail();
  expect(await first).toEqual([]);
  expect(hosts.leads(['a', 'b'])).toEqual([
    ['10.0.0.1', 'a'],
    ['10.0.0.2', 'a'],
  ]);

  const second = hosts.settle(['a', 'c']);
  expect([...asked.keys()]).toEqual(['c']);
  answer('c', '10.0.0.3');
  expect(await second).toEqual(['a']);
  expect(hosts.leads(['a', 'c'])).toEqual([
    ['10.0.0.1', 'a'],
    ['10.0.0.2', 'a'],
    ['10.0.0.3', 'c'],
  ]);
  const taken: Lead[] = [];
  hosts.follow(['a'], (leads) => taken.push(...leads));
  answer('a', '10.0.0.4');
  await vi.advanceTimersByTimeAsync(0);
  expect(taken).toEqual([['10.0.0.4', 'a']]);
  expect(hosts.leads(['a'])).toEqual([['10.0.0.4', 'a']]);
});

it('keeps what it knows of a name that has no answer any more', async () => {
  const hosts = new HostNames();
  const first = hosts.settle(['a']);
  answer('a', '10.0.0.1');
  await first;
  hosts.follow(['a'], () => {});
  asked.get('a')?.fail();
  await vi.advanceTimersByTimeAsync(0);
  expect(hosts.leads(['a'])).toEqual([['10.0.0.1', 'a']]);
});

it('waits three seconds and no longer, and hands on what comes later', async () => {
  const hosts = new HostNames();
  let unanswered: string[] | undefined;
  void hosts.settle(['slow', 'quick']).then((names) => {
    unanswered = names;
  });
  answer('quick', '10.0.0.1');
  await vi.advanceTimersByTimeAsync(2990);
  expect(unanswered).toBeUndefined();
  await vi.advanceTimersByTimeAsync(20);
  expect(unanswered).toEqual(['slow']);
  // A policy that comes now does not wait again, and nobody is asked twice at once.
  expect(await hosts.settle(['slow'])).toEqual(['slow']);
  const taken: Lead[] = [];
  hosts.follow(['slow'], (leads) => taken.push(...leads));
  answer('slow', '10.0.0.9');
  await vi.advanceTimersByTimeAsync(0);
  expect(taken).toEqual([['10.0.0.9', 'slow']]);
});

it('forgets names that nobody asks for any more', async () => {
  const hosts = new HostNames();
  const first = hosts.settle(['a', 'b']);
  answer('a', '10.0.0.1');
  answer('b', '10.0.0.2');
  await first;
  expect(hosts.leads(['b'])).toEqual([['10.0.0.2', 'b']]);
  void hosts.settle(['a', 'b']);
  expect([...asked.keys()]).toEqual(['a']);
});
