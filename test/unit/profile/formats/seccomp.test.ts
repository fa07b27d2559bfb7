// A seccomp profile, loaded by libseccomp into a process that then tries.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { format, type Generated, generate } from '../../../../src/profile/index.js';
import { folder } from '../../audit/logs.js';
import { learn } from '../agent.js';
import { finance, session } from './inputs.js';

describe('a seccomp profile', { timeout: 60_000 }, () => {
  const tried = (generated: Generated): Record<string, string> => {
    const file = join(folder(), 'profile.json');
    writeFileSync(file, format('seccomp', generated).text);
    const out = execFileSync(
      '/usr/bin/python3',
      [join(import.meta.dirname, '../../../support/under-seccomp.py'), file],
      {
        encoding: 'utf8',
      },
    );
    return JSON.parse(out) as Record<string, string>;
  };

  it('is taken by libseccomp, and closes the calls of what the policy forbids', () => {
    const closed = { mount: 'EPERM', ptrace: 'EPERM', io_uring_setup: 'EPERM', setuid: 'EPERM', alg: 'EPERM' };
    expect(tried(finance())).toEqual({ ...closed, inet: 'ok', inet6: 'ok', unix: 'ok' });
  });

  it('leaves open what was learned, and closes the network where nothing was', () => {
    const events = ['io_uring_setup', 'privilege_change'].map((event_type) => ({ event_type }));
    const open = tried(generate(learn([session([...events, { event_type: 'unix_connect', path: '/x' }], 'r1')])));
    expect(open).toMatchObject({ setuid: 'ok', ptrace: 'EPERM', inet: 'EPERM', inet6: 'EPERM', unix: 'ok' });
    expect(open.io_uring_setup).not.toBe('EPERM');
  });
});
