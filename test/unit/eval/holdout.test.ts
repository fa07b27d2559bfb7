import { describe, expect, it } from 'vitest';
import { inject, learnedFrom, score, summary } from '../../../eval/harness/arithmetic.mjs';

const finding = (action: string, name: string, events: number) => ({ verdict: { action, name }, events });

describe('holding a run out', () => {
  it('never learns from it, and from every other run as often as from any', () => {
    const sets = [0, 1, 2, 3, 4].map((heldOut) => learnedFrom(heldOut, 3, 5));
    for (const [heldOut, set] of sets.entries()) expect(set).not.toContain(heldOut);
    const times = [0, 1, 2, 3, 4].map((run) => sets.flat().filter((one) => one === run).length);
    expect(times).toEqual([3, 3, 3, 3, 3]);
    expect(learnedFrom(1, 4, 5).sort()).toEqual([0, 2, 3, 4]);
  });

  it('counts what is blocked, and what is held apart by whether a person was asked', () => {
    const findings = [
      finding('BLOCK', 'default_action.file', 3),
      finding('BLOCK', 'secrets', 1),
      finding('HUMAN_APPROVAL', 'persistence', 2),
      finding('HUMAN_APPROVAL', 'decide_persistence', 5),
    ];
    expect(score({ decided: 1000, findings })).toEqual({
      decided: 1000,
      blocked: { findings: 2, events: 4, share: 0.004 },
      held: { findings: 1, events: 2, share: 0.002 },
      listed: { findings: 1, events: 5, share: 0.005 },
    });
    expect(score({ decided: 0, findings: [] }).blocked.share).toBe(0);
  });

  it('says the median and the worst run, with what is held unasked', () => {
    const runs = [0, 4, 2].map((events) =>
      score({
        decided: 100,
        findings: events === 0 ? [] : [finding(events === 4 ? 'BLOCK' : 'HUMAN_APPROVAL', 'x', events)],
      }),
    );
    expect(summary(runs)).toEqual({
      share: { median: 0.02, worst: 0.04 },
      findings: { median: 1, worst: 1 },
      listed: { median: 0, worst: 0 },
    });
  });
});

describe('an attack in a run', () => {
  const run: { event_type: string; pid?: number }[] = [
    { event_type: 'session_start' },
    { event_type: 'file_open', pid: 7 },
    { event_type: 'session_end' },
  ];
  const attack = [
    { event_type: 'session_start' },
    { event_type: 'process_exec', pid: 7, ppid: 6 },
    { event_type: 'process_exit', pid: 7 },
    { event_type: 'session_end' },
  ];

  it('is whole and in order, behind the start of the session, and of processes of its own', () => {
    for (const draw of [0, 0.5, 0.99]) {
      const all = inject(run, [attack], () => draw);
      expect(all[0]).toEqual({ event: run[0] });
      const own = all.filter((one) => one.attack === 0).map(({ event }) => event);
      expect(own.map((event) => event.event_type)).toEqual(['process_exec', 'process_exit']);
      expect(own.map((event) => event.pid)).not.toContain(7);
      expect(all.filter((one) => one.attack === undefined).map(({ event }) => event)).toEqual(run);
    }
  });
});
