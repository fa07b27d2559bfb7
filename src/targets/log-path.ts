import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** Absolute or not at all (XDG Base Directory Specification: a relative path is invalid and ignored). */
const absolute = (path: string | undefined): string | undefined =>
  path !== undefined && isAbsolute(path) ? path : undefined;

/** Where everything lies that outlives a run and belongs to all agents of this user. */
export const stateFolder = (uid: number, env: NodeJS.ProcessEnv): string =>
  uid === 0
    ? '/var/log/agentgov'
    : join(absolute(env.XDG_STATE_HOME) ?? join(absolute(env.HOME) ?? homedir(), '.local', 'state'), 'agentgov');

/** Where the log of an agent goes when --output-file does not say. */
export const defaultLogPath = (agentId: string, uid: number, env: NodeJS.ProcessEnv): string =>
  join(stateFolder(uid, env), agentId, 'audit.jsonl');

/** The log's path: as asked, made absolute, or the default. */
export const logPath = (
  asked: string | undefined,
  agentId: string,
  uid: number,
  env: NodeJS.ProcessEnv,
): { path: string; isDefault: boolean } =>
  asked === undefined
    ? { path: defaultLogPath(agentId, uid, env), isDefault: true }
    : { path: resolve(asked), isDefault: false };
