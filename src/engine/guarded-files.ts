// Files of this session that no governed tree of the machine may change: those of other agents hear of them from the kernel.
// Its own tree is kept from more than these, by the policy that it is held to (self-protection.ts).

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type GuardedFile, type Loader, LoaderRefusal } from '../bpf/index.js';
import { AgentgovError, EXIT } from '../errors.js';

/** Not what a pipe or a descriptor is called (`<(…)`): such a name is somebody else's file a moment later. */
export const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

export interface SessionFiles {
  /** The audit log, whose folder is there; absolute. */
  log: string;
  policy: string | undefined;
  /** The key that signs checkpoints, where it is not the default one. */
  key: string | undefined;
}

/** @returns sentences about what could not be done. @throws AgentgovError exit 4 when the loader has gone. */
export async function guardFiles(loader: Loader, { log, policy, key }: SessionFiles): Promise<string[]> {
  const file = (kind: GuardedFile['kind'], path: string | undefined): GuardedFile[] =>
    path !== undefined && isFile(path) ? [{ kind, path: resolve(path) }] : [];
  try {
    await loader.guard([{ kind: 'log', path: log }, ...file('file', policy), ...file('secret', key)]);
    return [];
  } catch (error) {
    if (!(error instanceof LoaderRefusal))
      throw new AgentgovError(`The loader ${(error as Error).message}.`, EXIT.internal);
    return [`Other agents are not kept from the log and the policy of this one: ${error.message}.`];
  }
}
