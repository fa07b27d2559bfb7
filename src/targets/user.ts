import { AgentgovError, EXIT } from '../errors.js';
import { loadExeca } from '../execa.js';

/** Whom a command runs as. */
export interface Identity {
  uid: number;
  gid: number;
  groups: number[];
  name: string;
  home: string;
  shell: string;
}

const isId = (text: string | undefined): text is string => text !== undefined && /^\d{1,10}$/.test(text);

/**
 * The user who typed sudo: a command that root's agentgov starts is theirs, not root's.
 *
 * `id` and `getent` ask whatever directory service this machine has; /etc/group alone would miss its groups.
 * @returns undefined when not run by sudo, or by root's own sudo.
 * @throws AgentgovError exit 4 when the user cannot be looked up: running the command as root instead is no way out.
 */
export async function invokingUser(env: NodeJS.ProcessEnv, uid: number | undefined): Promise<Identity | undefined> {
  const { SUDO_UID, SUDO_GID } = env;
  if (uid !== 0 || !isId(SUDO_UID) || !isId(SUDO_GID) || Number(SUDO_UID) === 0) return undefined;
  const options = {
    reject: false,
    timeout: 10_000,
    stdin: 'ignore',
    extendEnv: false,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  } as const;
  const execa = await loadExeca();
  const passwd = await execa('getent', ['passwd', SUDO_UID], options);
  // name:password:uid:gid:gecos:home:shell
  const [name, , , , , home, shell] = passwd.stdout.split('\n')[0]?.split(':') ?? [];
  const groups = name ? await execa('id', ['-G', '--', name], options) : undefined;
  const ids = groups?.stdout.trim().split(/\s+/) ?? [];
  if (!name || home === undefined || ids.length === 0 || !ids.every(isId)) {
    throw new AgentgovError(
      `The groups of the user who called sudo (uid ${SUDO_UID}) cannot be found; check getent passwd ${SUDO_UID}.`,
      EXIT.internal,
    );
  }
  return {
    uid: Number(SUDO_UID),
    gid: Number(SUDO_GID),
    groups: ids.map(Number),
    name,
    home,
    shell: shell || '/bin/sh',
  };
}

/** The environment as that user's: sudo has put root's home and its own traces into it. */
export function environmentOf(identity: Identity, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SUDO_')));
  return { ...own, HOME: identity.home, USER: identity.name, LOGNAME: identity.name, SHELL: identity.shell };
}
