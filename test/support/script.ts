// Writes scripts for programs/syscalls.c: a test lists the exact system calls of a process, and knows by that what the log
// must hold.

/** Numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl). */
export const NR = {
  read: 0,
  open: 2,
  close: 3,
  pipe2: 293,
  socket: 41,
  connect: 42,
  sendto: 44,
  recvfrom: 45,
  sendmsg: 46,
  shutdown: 48,
  bind: 49,
  listen: 50,
  setsockopt: 54,
  execve: 59,
  kill: 62,
  ftruncate: 77,
  truncate: 76,
  chdir: 80,
  fchdir: 81,
  rename: 82,
  mkdir: 83,
  rmdir: 84,
  creat: 85,
  link: 86,
  unlink: 87,
  symlink: 88,
  chmod: 90,
  fchmod: 91,
  chown: 92,
  fchown: 93,
  lchown: 94,
  ptrace: 101,
  setresuid: 117,
  rt_sigqueueinfo: 129,
  tgkill: 234,
  kexec_load: 246,
  perf_event_open: 298,
  setns: 308,
  process_vm_readv: 310,
  pidfd_send_signal: 424,
  pidfd_open: 434,
  pidfd_getfd: 438,
  setuid: 105,
  setgid: 106,
  utime: 132,
  mknod: 133,
  prctl: 157,
  chroot: 161,
  mount: 165,
  umount2: 166,
  init_module: 175,
  setxattr: 188,
  lsetxattr: 189,
  fsetxattr: 190,
  removexattr: 197,
  utimes: 235,
  openat: 257,
  mkdirat: 258,
  mknodat: 259,
  fchownat: 260,
  futimesat: 261,
  unlinkat: 263,
  renameat: 264,
  linkat: 265,
  symlinkat: 266,
  fchmodat: 268,
  unshare: 272,
  utimensat: 280,
  accept4: 288,
  name_to_handle_at: 303,
  open_by_handle_at: 304,
  sendmmsg: 307,
  finit_module: 313,
  renameat2: 316,
  memfd_create: 319,
  bpf: 321,
  execveat: 322,
  openat2: 437,
} as const;

/** Numbers of the 32-bit table (syscall_32.tbl), for int 0x80. */
export const NR32 = { open: 5, unlink: 10, execve: 11, mkdir: 39, rename: 38, openat: 295 } as const;

export const AT_FDCWD = -100;
/** Flags of open(2) on x86-64 (include/uapi/asm-generic/fcntl.h). */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
  TMPFILE: 0o20200000,
} as const;

/** Address families and types of sockets (include/linux/socket.h, include/linux/net.h). */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const STREAM = 1;
export const DGRAM = 2;
export const SHUT_WR = 1;

/** An argument as the helper reads it. */
type Word = { word: string };
/** A number is a number, a string or bytes-as-a-path is a C string (see {@link text}), a Buffer is plain bytes. */
export type Argument = number | string | Buffer | Word;

const hex = (bytes: string | Buffer): string => Buffer.from(bytes as string).toString('hex');
/** A C string of any bytes. */
export const text = (bytes: string | Buffer): Word => ({ word: `s${hex(bytes)}` });
/** The result of the call that was labelled with `=name`. */
export const result = (name: string): Word => ({ word: `@${name}` });
/** Bytes that later calls can name again with {@link again}. */
export const named = (name: string, bytes: Buffer): Word => ({ word: `b${hex(bytes)}=${name}` });
export const again = (name: string): Word => ({ word: `&${name}` });
/** A null-terminated vector of C strings, with pointers of the given width. */
export const vector = (strings: readonly (string | Buffer)[], width: 32 | 64 = 64): Word => ({
  word: `${width === 64 ? 'v' : 'w'}${strings.map(hex).join(',')}`,
});
/** An array of struct mmsghdr. */
export const messages = (list: readonly { to: Buffer; data: Buffer }[]): Word => ({
  word: `m${list.map(({ to, data }) => `${hex(to)}:${hex(data)}`).join(',')}`,
});

function written(argument: Argument): string {
  if (typeof argument === 'number') return `i${argument}`;
  if (typeof argument === 'string') return text(argument).word;
  if (Buffer.isBuffer(argument)) return `b${hex(argument)}`;
  return argument.word;
}

/** Builds a script line by line. Labels are single words; `label=name` keeps the result for {@link result}. */
export class Script {
  readonly #lines: string[] = [];

  call(label: string, nr: number, ...args: Argument[]): this {
    return this.#add('call', label, String(nr), ...args.map(written));
  }

  call32(label: string, nr: number, ...args: Argument[]): this {
    return this.#add('call32', label, String(nr), ...args.map(written));
  }

  send(label: string, fd: Argument, count: number): this {
    return this.#add('send', label, written(fd), String(count));
  }

  recv(label: string, fd: Argument): this {
    return this.#add('recv', label, written(fd));
  }

  /** A whole conversation on a new stream socket: `bytes` are sent, then everything is read. */
  converse(label: string, family: number, to: Buffer, bytes: number): this {
    return this.call(`${label}-socket=s`, NR.socket, family, STREAM, 0)
      .call(label, NR.connect, result('s'), to, to.length)
      .send(`${label}-send`, result('s'), bytes)
      .call(`${label}-shutdown`, NR.shutdown, result('s'), SHUT_WR)
      .recv(`${label}-recv`, result('s'))
      .call(`${label}-close`, NR.close, result('s'));
  }

  /** What `fill` adds happens in a child, which then exits with 0. */
  fork(label: string, fill: (child: this) => void): this {
    this.#add('fork', label);
    fill(this);
    return this.#add('end');
  }

  exit(code: number): this {
    return this.#add('exit', String(code));
  }

  raise(signal: number): this {
    return this.#add('raise', String(signal));
  }

  sleep(ms: number): this {
    return this.#add('sleep', String(ms));
  }

  /** Prints "ready" and waits for a line on standard input. */
  ready(): this {
    return this.#add('ready');
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #add(...words: string[]): this {
    this.#lines.push(words.join(' '));
    return this;
  }
}

/** What the helper recorded, by label. */
export interface Done {
  pid: number;
  /** Result of a call, -1 when it failed; the parent's pid for a fork. */
  result: number;
  /** errno of a call, 0 when it succeeded; exit code or -signal for a fork. */
  status: number;
}

export function doneByLabel(record: readonly string[][]): Map<string, Done> {
  return new Map(
    record.map(([label = '', pid, value, status]) => [
      label,
      { pid: Number(pid), result: Number(value), status: Number(status) },
    ]),
  );
}

/** struct sockaddr_in. */
export function inet4(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(2, 0);
  bytes.writeUInt16BE(port, 2);
  Buffer.from(address.split('.').map(Number)).copy(bytes, 4);
  return bytes;
}

/** struct sockaddr_in6 of 16 address bytes. */
export function inet6(address: Buffer, port: number): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16LE(10, 0);
  bytes.writeUInt16BE(port, 2);
  address.copy(bytes, 8);
  return bytes;
}

export const loopback6: Buffer = Buffer.from('00000000000000000000000000000001', 'hex');

/** struct sockaddr_un; an abstract name begins with a NUL byte. */
export function unix(name: string | Buffer): Buffer {
  const bytes = Buffer.from(name as string);
  return Buffer.concat([Buffer.from([1, 0]), bytes, Buffer.from(bytes[0] === 0 ? [] : [0])]);
}
