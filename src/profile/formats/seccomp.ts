// A seccomp profile (OCI runtime-spec, config-linux.md, "Seccomp"). A profile of agentgov holds no system calls, so this is a
// list of what is closed: those system calls that are the events of rules which forbid, as agentgov's own table has them
// (bpf/loader/layouts.c).
import { Notes, type Written } from './notes.js';
import {
  CHANGES,
  EXEC,
  LISTEN,
  type Line,
  linesOf,
  OUT,
  pathOf,
  READ,
  type Source,
  SYSTEM,
  type SystemEvent,
  TOOL,
  UNIX,
} from './source.js';

const CALLS: Partial<Record<SystemEvent, readonly string[]>> = {
  mount: ['mount', 'umount', 'umount2', 'move_mount', 'pivot_root', 'chroot'],
  privilege_change: [
    ...['setuid', 'setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid', 'setfsuid', 'setfsgid', 'setgroups'],
    ...['setuid32', 'setgid32', 'setreuid32', 'setregid32', 'setresuid32', 'setresgid32', 'setgroups32'],
    ...['capset', 'unshare', 'setns'],
  ],
  ptrace: ['ptrace', 'process_vm_readv', 'process_vm_writev', 'pidfd_getfd'],
  io_uring_setup: ['io_uring_setup'],
  kernel_tamper: [
    ...['bpf', 'init_module', 'finit_module', 'delete_module', 'perf_event_open', 'kexec_load', 'kexec_file_load'],
    ...['iopl', 'ioperm'],
  ],
};

/** Kinds of sockets, by the `protocol` that events have, with their numbers (include/linux/socket.h). */
const FAMILIES: Readonly<Record<string, number>> = { packet: 17, alg: 38, vsock: 40, xdp: 44 };
const INET = { inet: 2, inet6: 10 } as const;

/** Where a process of another ABI of the same machine would find the same calls open. */
const ARCHITECTURES = ['X86_64', 'X86', 'X32', 'AARCH64', 'ARM'].map((name) => `SCMP_ARCH_${name}`);
const EPERM = 1;
const UNKNOWN = [
  ['file', READ | CHANGES, 'seccomp sees no paths'],
  ['exec', EXEC, 'seccomp sees no paths'],
  ['unix', UNIX, 'seccomp sees no addresses'],
  ['network', OUT | LISTEN, 'seccomp sees no addresses: only kinds of sockets that no rule allows are closed'],
  ['tool', TOOL, 'the kernel sees no tool calls'],
] as const;

interface Syscall {
  names: readonly string[];
  action: 'SCMP_ACT_ERRNO';
  errnoRet: number;
  args?: { index: number; value: number; op: 'SCMP_CMP_EQ' }[];
}

const deny = (names: readonly string[]): Syscall => ({ names, action: 'SCMP_ACT_ERRNO', errnoRet: EPERM });
const denySocket = (family: number): Syscall => ({
  ...deny(['socket']),
  args: [{ index: 0, value: family, op: 'SCMP_CMP_EQ' }],
});

/** Families of sockets for which there is no rule that allows. */
function closedFamilies(allowed: readonly Line[]): number[] {
  const reaching = allowed.filter((line) => (line.ops & (OUT | LISTEN)) !== 0 && pathOf(line) === undefined);
  const named = new Set(reaching.flatMap(({ protocols = [] }) => protocols));
  const special = Object.entries(FAMILIES).flatMap(([name, family]) => (named.has(name) ? [] : [family]));
  // A rule without a protocol, or with one over IP, is of both versions unless it names an address.
  const overIp = reaching.filter(
    ({ protocols }) => protocols?.every((name) => name in FAMILIES || name === 'netlink') !== true,
  );
  const isOpen = (bytes: number): boolean =>
    overIp.some(({ object }) => object === undefined || !('block' in object) || object.block.bytes.length === bytes);
  return [...(isOpen(4) ? [] : [INET.inet]), ...(isOpen(16) ? [] : [INET.inet6]), ...special];
}

function takeNotes(lines: readonly Line[]): Notes {
  const notes = new Notes();
  for (const line of lines) {
    for (const [subject, mask, why] of UNKNOWN)
      if ((line.ops & mask) !== 0) notes.add('not expressed', subject, why, line);
    for (const [event, bit] of Object.entries(SYSTEM)) {
      if ((line.ops & bit) === 0) continue;
      const calls = CALLS[event as SystemEvent];
      if (calls === undefined)
        notes.add('not expressed', 'system', `seccomp cannot tell which ${event} is meant`, line);
      else if (!line.forbids && line.exe !== undefined) notes.add('wider', 'system', `${event} of every program`, line);
      else if (line.rule.action === 'HUMAN_APPROVAL')
        notes.add('stricter', 'system', `${event} is denied, nobody is asked`, line);
    }
  }
  return notes;
}

export function seccomp({ policy, seen }: Source): Written {
  const lines = linesOf(policy, seen.homes);
  const allowed = lines.filter(({ forbids }) => !forbids);
  const opened = allowed.reduce((all, { ops }) => all | ops, 0);
  const closed = Object.entries(CALLS).filter(([event]) => {
    const bit = SYSTEM[event as SystemEvent];
    return (opened & bit) === 0 && lines.some(({ forbids, ops }) => forbids && (ops & bit) !== 0);
  });
  const profile = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ARCHITECTURES,
    syscalls: [...closed.map(([, calls]) => deny(calls)), ...closedFamilies(allowed).map(denySocket)],
  };
  return {
    notes: takeNotes(lines),
    use: [
      'A seccomp profile (OCI runtime-spec): docker run --security-opt seccomp=FILE, or localhostProfile of a pod. It holds at once; it has no place for comments, so what follows stands here only.',
      'It is a list of what is closed, and replaces the default profile of the container engine, which closes more: use it where there is none.',
    ],
    body: `${JSON.stringify(profile, null, 2)}\n`,
  };
}
