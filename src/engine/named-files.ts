// The files that rules name, as they are when a policy is loaded: kept, so that each stays what it is under any name.
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { AgentgovError, EXIT } from '../errors.js';
import type { FileId, Mount } from '../policy/index.js';

/** include/uapi/asm-generic/fcntl.h; Node has no name for it. Opens nothing: no permission is asked, no device wakes. */
const O_PATH = 0o10000000;
const NOTHING_THERE = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP']);

export class NamedFiles {
  /** While one is held its inode number goes to no other file. */
  readonly #held: number[] = [];
  readonly #deviceOf: ReadonlyMap<number, number>;

  constructor(mounts: readonly Mount[]) {
    this.#deviceOf = new Map(mounts.map(({ id, dev }) => [id, dev]));
  }

  /**
   * The file of that very name; undefined when there is none, or the name leads there by a symbolic link.
   * @throws AgentgovError exit 3
   */
  readonly find = (path: Buffer): FileId | undefined => {
    let fd: number;
    try {
      // Most of what a large policy names is not there, and an error for each would be most of the work here.
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
      fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (NOTHING_THERE.has(code)) return undefined;
      throw new AgentgovError(
        `${JSON.stringify(path.toString())}, which the policy names, cannot be kept (${code}); ` +
          `with EMFILE raise the limit of open files (ulimit -n).`,
        EXIT.unavailable,
      );
    }
    this.#held.push(fd);
    return readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' }).equals(path) ? this.#idOf(fd) : undefined;
  };

  close(): void {
    for (const fd of this.#held.splice(0)) closeSync(fd);
  }

  /** As the kernel has it: sb->s_dev, which stat() does not always tell, and i_ino, which fdinfo tells from 5.14 on. */
  #idOf(fd: number): FileId | undefined {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(info)?.[1];
    const dev = this.#deviceOf.get(Number(field('mnt_id')));
    const ino = BigInt(field('ino') ?? fstatSync(fd, { bigint: true }).ino);
    return dev === undefined ? undefined : { dev, ino };
  }
}
