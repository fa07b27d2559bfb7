// Policies of KubeArmor.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Format, format, type Generated, generate } from '../../../../src/profile/index.js';
import { learn } from '../agent.js';
import { finance, hostile, session } from './inputs.js';

describe('KubeArmor', { timeout: 60_000 }, () => {
  interface Entry {
    action: string;
    path?: string;
    dir?: string;
    pattern?: string;
    readOnly?: true;
    fromSource?: { path: string }[];
  }
  const entriesOf = (name: Format, generated: Generated): Entry[] => {
    const { spec } = parse(format(name, generated).text) as { spec: Record<string, Record<string, Entry[]>> };
    return ['process', 'file'].flatMap((group) => Object.values(spec[group] ?? {}).flat());
  };

  it('gets no character that its AppArmor profiles would take for something else', () => {
    for (const name of ['kubearmor', 'kubearmor-host'] as const)
      for (const { path: one, dir, pattern } of entriesOf(name, hostile())) {
        expect(`${one ?? ''}${dir ?? ''}`).toMatch(/^[A-Za-z0-9/._+:=~%@-]*$/);
        expect(pattern ?? '').toMatch(/^[A-Za-z0-9/._+:=~%@*?{},-]*$/);
      }
  });

  it('reads only what was only read, and closes the kit', () => {
    const entries = entriesOf('kubearmor', finance());
    expect(entries).toContainEqual({ path: '/etc/hosts', readOnly: true, action: 'Allow' });
    expect(entries).toContainEqual({ path: '/srv/finance/agent/app.log', action: 'Allow' });
    expect(entries).toContainEqual({ path: '/etc/shadow', action: 'Block' });
    expect(entries).toContainEqual({ dir: '/root/.ssh/', recursive: true, action: 'Block' });
    expect(entries).toContainEqual({ dir: '/var/log/agentgov/', recursive: true, readOnly: true, action: 'Block' });
  });

  it('holds on a host only the programs that were seen', () => {
    for (const entry of entriesOf('kubearmor-host', finance())) {
      expect(entry.pattern).toBeUndefined();
      expect(entry.fromSource).toContainEqual({ path: '/usr/bin/node' });
    }
    const nobody = [{ event_type: 'file_open', access: 'read', path: '/srv/x', exe: undefined }];
    expect(() => format('kubearmor-host', generate(learn([session(nobody, 'r1')])))).toThrow(
      /would hold the whole host/,
    );
  });
});
