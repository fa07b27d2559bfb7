// A TracingPolicy, its selectors read as Tetragon reads them.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { format, type Generated, generate } from '../../../../src/profile/index.js';
import { random, scaled } from '../../../scale.js';
import { learn, path, run } from '../agent.js';
import { finance, openedBy, session } from './inputs.js';

describe('a TracingPolicy', { timeout: 60_000 }, () => {
  interface Selector {
    matchArgs?: { index: number; operator: string; values: string[] }[];
    matchBinaries: object[];
  }
  interface Hook {
    call: string;
    selectors: Selector[];
  }
  const hooksOf = (generated: Generated): Hook[] =>
    (parse(format('tetragon', generated).text) as { spec: { kprobes: Hook[] } }).spec.kprobes;
  const MATCHES: Record<string, (value: string, wanted: string) => boolean> = {
    Equal: (value, wanted) => value === wanted,
    Prefix: (value, wanted) => value.startsWith(wanted),
    Postfix: (value, wanted) => value.endsWith(wanted),
  };
  /** As Tetragon reads it: any selector, all of its filters, any of their values. */
  const denies = (hooks: Hook[], call: string, values: string[]): boolean =>
    (hooks.find((one) => one.call === call) as Hook).selectors.some(({ matchArgs = [] }) =>
      matchArgs.every(({ index, operator, values: wanted }) => {
        const isOne = MATCHES[operator.replace('Not', '')];
        const found = wanted.some((one) => isOne?.(values[index] as string, one));
        return operator.startsWith('Not') ? !found : found;
      }),
    );

  it('lets nothing be opened or run that no rule allows, and closes the kit', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`tetragon-${round}`);
      const recordings = Array.from({ length: 3 }, () => run(draw, 80));
      const generated = generate(learn(recordings));
      const hooks = hooksOf(generated);
      const opens = openedBy(generated);
      const probes = [...recordings.flat().map((one) => one.path), ...Array.from({ length: 200 }, () => path(draw))];
      for (const one of probes.filter((object) => typeof object === 'string' && object.startsWith('/')) as string[])
        for (const object of [one, `${one}x`, `${one}/y`])
          for (const call of ['security_file_open', 'security_bprm_check'])
            if (!denies(hooks, call, [object])) expect(opens(object), `${call} ${object}`).toBe(true);
      for (const closed of ['/root/.ssh/id', '/etc/shadow', '/work/app/.env', '/work/app/credentials.json'])
        expect(denies(hooks, 'security_file_open', [closed]), closed).toBe(true);
      expect(denies(hooks, 'security_file_permission', ['/etc/cron.d/x', '2'])).toBe(true);
      expect(denies(hooks, 'security_file_permission', ['/etc/cron.d/x', '4'])).toBe(false);
    }
  });

  it('lets the finance agent work, in its tree only, and only tells', () => {
    const hooks = hooksOf(finance());
    for (const object of ['/etc/hosts', '/usr/bin/node', '/srv/finance/agent/app.log'])
      expect(denies(hooks, 'security_file_open', [object]), object).toBe(false);
    expect(denies(hooks, 'security_bprm_check', ['/usr/bin/sort'])).toBe(false);
    expect(denies(hooks, 'security_bprm_check', ['/usr/bin/curl'])).toBe(true);
    const tree = { operator: 'In', values: ['/usr/bin/node'], followChildren: true };
    for (const { selectors } of hooks) for (const { matchBinaries } of selectors) expect(matchBinaries).toEqual([tree]);
    expect(format('tetragon', finance()).text).toContain('- name: policy-mode\n      value: monitor\n');
    const nobody = [{ event_type: 'file_open', access: 'read', path: '/srv/x', exe: undefined }];
    expect(() => format('tetragon', generate(learn([session(nobody, 'r1')])))).toThrow(/would hold the whole machine/);
  });
});
