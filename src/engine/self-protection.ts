// What agentgov consists of while it enforces a policy: nobody in the governed tree may change it, root included.

import { statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { defaultKeyPath } from '../audit/index.js';
import { credentialKeyFile, textOfBytes } from '../events/index.js';
import { PACKAGE_ROOT } from '../package.js';
import { literalPattern, type SelfProtection } from '../policy/index.js';
import { isFile } from './guarded-files.js';

export interface Protected {
  /** The audit log; absolute. */
  log: string;
  /** The policy file, as it was named. */
  policy: string;
  /** The loader's file. */
  loader: string;
  /** Where this user's logs are by default, and the control sockets. */
  stateFolder: string;
  controlFolder: string;
  /** The key that signs checkpoints, where it is not the default one. */
  key?: string | undefined;
}

/** The very path, as a pattern. */
const exactly = (path: string): string => literalPattern(textOfBytes(Buffer.from(resolve(path))).text);

/** A log with all that its writer keeps beside it (AUDIT.tip and so on), and its finished files (AUDIT-000001.jsonl). */
function logPatterns(log: string): string[] {
  const extension = extname(log);
  const finished = `${exactly(join(dirname(log), basename(log, extension)))}-*${literalPattern(extension)}`;
  const all = [exactly(log), finished];
  return [...all, ...all.map((pattern) => `${pattern}.*`)];
}

/** Where the loader pins what outlives it (bpf/loader/kept.h). */
const PINS = '/sys/fs/bpf/agentgov';

/**
 * Files by which root changes the running kernel, or has it run a program outside the tree. Where the name is nobody
 * else's, in each mount of procfs and sysfs, one that the tree makes itself among them.
 */
const KERNEL_FILES = [
  '**/sysrq-trigger',
  '**/core_pattern',
  '**/ftrace_enabled',
  '**/uevent_helper',
  '**/sys/kernel/modprobe',
  '**/sys/kernel/hotplug',
  '**/poweroff_cmd',
  '**/release_agent',
  '/dev/mem',
  '/dev/kmem',
  '/dev/port',
];

/** Rules over what this session consists of. */
export function selfProtection({ log, policy, loader, stateFolder, controlFolder, key }: Protected): SelfProtection {
  const own = ['package.json', 'bin', 'dist'].map((name) => exactly(join(PACKAGE_ROOT, name)));
  const keys = [defaultKeyPath(), credentialKeyFile(), ...(key === undefined ? [] : [key])];
  return {
    files: [
      { name: 'keys', path: keys.map(exactly), secret: true },
      { name: 'log', path: logPatterns(log), prefix: [exactly(stateFolder)] },
      ...(isFile(policy) ? [{ name: 'policy', path: [exactly(policy)] }] : []),
      { name: 'program', path: [process.execPath, loader].map(exactly), prefix: own },
      { name: 'control', prefix: [controlFolder, PINS].map(exactly) },
      { name: 'kernel_files', path: KERNEL_FILES },
    ],
    mountNamespace: statSync('/proc/self/ns/mnt').ino,
  };
}
