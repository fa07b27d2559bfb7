import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../../src/events/index.js';
import { Engine, failedBefore, PolicyRun } from '../../../src/policy/index.js';
import { generate, newProfile, parseProfile, profileText } from '../../../src/profile/index.js';
import { random, scaled } from '../../scale.js';
import { event, learn, recording, run, word } from './agent.js';

/** What the policy says of each event, as replay asks it; undefined for events that failed on their own. */
function decisions(engine: Engine, events: readonly AgentEvent[]) {
  const along = new PolicyRun(engine);
  return events.map((one) => (failedBefore(one) ? undefined : along.decide(one)));
}

const file = (type: string, path: string) => ({ event_type: type, pid: 7, start_us: 1, exe: '/usr/bin/node', path });

const runs = (label: string, count: number, length: number): AgentEvent[][] => {
  const draw = random(label);
  return Array.from({ length: count }, () => run(draw, length));
};

describe('a generated policy', { timeout: 240_000 }, () => {
  it('blocks no event of what it was learned from', () => {
    for (let round = 0; round < scaled(40); round++) {
      const recordings = runs(`never-blocks-${round}`, 1 + (round % 5), 120);
      const { policy } = generate(learn(recordings));
      const engine = new Engine(policy);
      for (const recording of recordings) {
        for (const [index, verdict] of decisions(engine, recording).entries()) {
          if (verdict?.action === 'BLOCK') expect.fail(`${verdict.name} blocks ${JSON.stringify(recording[index])}`);
        }
      }
    }
  });

  it('blocks nothing in a folder of more names than are kept one by one', () => {
    const draw = random('many-names');
    const spool = ['/var/spool/mail', '/tmp/build-Xy0z9Qk/out', '/home/ann/.cache/x', '/home/ann/.ssh'];
    const recordings = Array.from({ length: 3 }, (_, of) => {
      const names = Array.from({ length: 1100 + 200 * of }, (_, at) => ({
        ...file('file_create', `${spool[at % 2 === 0 ? 0 : of + 1]}/${word(draw, 'abcdefgh', 9)}`),
        access: 'create',
      }));
      return recording([...names, ...names.map((one) => ({ ...one, event_type: 'file_open', access: 'read' }))]);
    });
    const profile = learn(recordings);
    expect(profileText(profile)).toContain('"many":true');
    const engine = new Engine(generate(profile).policy);
    for (const events of recordings) {
      for (const [index, verdict] of decisions(engine, events).entries()) {
        if (verdict?.action === 'BLOCK') expect.fail(`${verdict.name} blocks ${JSON.stringify(events[index])}`);
      }
    }
  });

  it('allows no more when evidence is removed', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`monotone-${round}`);
      const all = runs(`monotone-runs-${round}`, 4, 150);
      const fewer = all
        .slice(0, 1 + Math.floor(draw() * 3))
        .map((events) => recording(events.slice(1, -1).filter(() => draw() < 0.6)));
      const [wide, narrow] = [learn(all), learn(fewer)].map((profile) => new Engine(generate(profile).policy)) as [
        Engine,
        Engine,
      ];
      const probes = [...all.flat(), ...Array.from({ length: 600 }, () => event(draw))];
      for (const probe of probes) {
        const allowed = narrow.decide(probe);
        if (allowed?.action !== 'ALLOW') continue;
        // What more evidence holds for a decision is not opened by less.
        if (wide.decide(probe)?.action === 'BLOCK')
          expect.fail(`only the narrower evidence allows ${JSON.stringify(probe)} (${allowed.name})`);
      }
    }
  });
});

describe('merging', { timeout: 120_000 }, () => {
  it('is commutative and idempotent, and the same as learning together', () => {
    for (let round = 0; round < scaled(30); round++) {
      const recordings = runs(`merge-${round}`, 4, 80);
      const part = (...chosen: number[]) => learn(chosen.map((at) => recordings[at] as AgentEvent[]));
      const [ab, ba] = [part(0, 1), part(2, 3, 1)];
      ab.merge(part(2, 3, 1));
      ba.merge(part(0, 1));
      expect(profileText(ab)).toBe(profileText(ba));
      expect(profileText(ab)).toBe(profileText(part(0, 1, 2, 3)));
      ab.merge(ba);
      ab.merge(part(1));
      expect(profileText(ab)).toBe(profileText(ba));
    }
  });

  it('takes the greater count of a session that one side knows only the beginning of', () => {
    const [whole] = runs('prefix', 1, 100) as [AgentEvent[]];
    const early = learn([whole.slice(0, 40)]);
    early.merge(learn([whole]));
    expect(profileText(early)).toBe(profileText(learn([whole])));
  });

  it('agrees on folders with more names than are kept', () => {
    const draw = random('fold');
    const many = (from: number, count: number): AgentEvent[] => [
      run(draw, 0)[0] as AgentEvent,
      ...Array.from(
        { length: count },
        (_, at): AgentEvent => ({
          event_type: 'file_create',
          access: 'create',
          agent_id: 'a',
          pid: 7,
          exe: '/bin/x',
          path: `/data/spool/n${from + at}`,
        }),
      ),
    ];
    const recordings = [many(0, 700), many(300, 900), many(0, 2000)];
    const texts = [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ].map((order) => {
      const merged = newProfile();
      for (const at of order) merged.merge(learn([recordings[at] as AgentEvent[]]));
      merged.merge(learn([recordings[0] as AgentEvent[]]));
      return profileText(merged);
    });
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain('"many":true,"path":"/data/spool"');
    expect(texts[0]).toContain('[[0,700],[1,900],[2,2000]]');
  });
});

it('a file that was read has the text that was written', () => {
  const profile = learn(runs('file', 3, 200));
  expect(profileText(parseProfile(profileText(profile), 'p.json'))).toBe(profileText(profile));
});
