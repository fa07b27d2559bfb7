// Writes the newc cpio format, which the kernel unpacks as its first root (Documentation/driver-api/early-userspace/
// buffer-format.rst). Straight from the files' places: no staging folder, no root needed for device nodes.
import { closeSync, lstatSync, openSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { posix } from 'node:path';

const TYPE = { file: 0o100000, folder: 0o040000, link: 0o120000, device: 0o020000 };
const pad4 = (length) => Buffer.alloc((4 - (length % 4)) % 4);

/** One archive. Paths are absolute paths in the guest; parent folders come by themselves. */
export class CpioArchive {
  #fd;
  #inode = 0;
  #known = new Set(['/']);

  constructor(file) {
    this.#fd = openSync(file, 'w');
  }

  has(path) {
    return this.#known.has(path);
  }

  folder(path, mode = 0o755) {
    this.#entry(path, TYPE.folder | mode);
  }

  link(path, target) {
    this.#entry(path, TYPE.link | 0o777, Buffer.from(target));
  }

  file(path, data, mode = 0o644) {
    this.#entry(path, TYPE.file | mode, Buffer.from(data));
  }

  characterDevice(path, major, minor) {
    this.#entry(path, TYPE.device | 0o600, Buffer.alloc(0), [major, minor]);
  }

  /** What is at `source` on this machine: a file (with its permission bits) or a symbolic link as such. */
  copy(path, source) {
    const stat = lstatSync(source);
    if (stat.isSymbolicLink()) this.link(path, readlinkSync(source));
    else if (stat.isDirectory()) this.folder(path, stat.mode & 0o7777);
    else this.file(path, readFileSync(source), stat.mode & 0o7777);
  }

  close() {
    this.#entry('/TRAILER!!!', 0);
    closeSync(this.#fd);
  }

  #entry(path, mode, data = Buffer.alloc(0), [major, minor] = [0, 0]) {
    if (this.#known.has(path)) return;
    const parent = posix.dirname(path);
    if (!this.#known.has(parent)) this.folder(parent);
    this.#known.add(path);
    this.#inode += 1;
    const name = Buffer.from(`${path.slice(1)}\0`);
    // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    const fields = [this.#inode, mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, name.length, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    const head = Buffer.concat([Buffer.from(header), name, pad4(header.length + name.length)]);
    for (const part of [head, data, pad4(data.length)]) {
      for (let done = 0; done < part.length; ) done += writeSync(this.#fd, part, done);
    }
  }
}
