import { describe, expect, it } from 'vitest';
import { defaultLogPath, environmentOf, invokingUser, logPath } from '../../../src/targets/index.js';

describe('invokingUser', () => {
  it('is nobody without sudo, for a user who is not root, and for nonsense', async () => {
    expect(await invokingUser({}, 0)).toBeUndefined();
    expect(await invokingUser({ SUDO_UID: '1', SUDO_GID: '1' }, 1000)).toBeUndefined();
    expect(await invokingUser({ SUDO_UID: '0', SUDO_GID: '0' }, 0)).toBeUndefined();
    expect(await invokingUser({ SUDO_UID: '1;id', SUDO_GID: '1' }, 0)).toBeUndefined();
  });

  it('looks the user up with all groups', async () => {
    // uid 1 is "daemon" on every Debian; sudo's gid is the one that counts.
    const user = await invokingUser({ SUDO_UID: '1', SUDO_GID: '1' }, 0);
    expect(user).toMatchObject({ uid: 1, gid: 1, name: 'daemon' });
    expect(user?.groups).toContain(1);
  });

  it('refuses to go on as root when there is no such user', async () => {
    await expect(invokingUser({ SUDO_UID: '3999999999', SUDO_GID: '1' }, 0)).rejects.toMatchObject({ exitCode: 4 });
  });
});

describe('environmentOf', () => {
  it("gives the user's home back and takes sudo's traces away", () => {
    const identity = { uid: 1000, gid: 1000, groups: [1000], name: 'ada', home: '/home/ada', shell: '/bin/zsh' };
    const env = environmentOf(identity, {
      PATH: '/bin',
      HOME: '/root',
      USER: 'root',
      SUDO_UID: '1000',
      SUDO_COMMAND: 'x',
    });
    expect(env).toEqual({ PATH: '/bin', HOME: '/home/ada', USER: 'ada', LOGNAME: 'ada', SHELL: '/bin/zsh' });
  });
});

describe('the path of the log', () => {
  it('is in /var/log for root and in the XDG state folder for others', () => {
    expect(defaultLogPath('a', 0, { HOME: '/root' })).toBe('/var/log/agentgov/a/audit.jsonl');
    expect(defaultLogPath('a', 1000, { HOME: '/home/x' })).toBe('/home/x/.local/state/agentgov/a/audit.jsonl');
    expect(defaultLogPath('a', 1000, { HOME: '/home/x', XDG_STATE_HOME: '/s' })).toBe('/s/agentgov/a/audit.jsonl');
    expect(defaultLogPath('a', 1000, { HOME: '/home/x', XDG_STATE_HOME: 'rel' })).toMatch(/^\/home\/x\//);
    expect(logPath('x.jsonl', 'a', 0, {})).toEqual({ path: `${process.cwd()}/x.jsonl`, isDefault: false });
  });
});
