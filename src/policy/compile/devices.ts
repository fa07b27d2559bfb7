// Where file systems stand in the name space: /proc/self/mountinfo (proc(5)), read once when a policy is loaded.

export interface Mount {
  readonly id: number;
  /** sb->s_dev as the kernel keeps it: major << 20 | minor. */
  readonly dev: number;
  /** Components from the root of the file system to what is mounted, and from the root of the name space to where. */
  readonly root: readonly string[];
  readonly at: readonly string[];
}

/** The kernel escapes space, tab, line feed, backslash and # as octal numbers. */
const plain = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

const components = (path: string): string[] => plain(path).split('/').filter(Boolean);

/** @param text in Latin-1, one character a byte. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [id, , device = '', root = '', at = ''] = line.split(' ');
    const [major, minor] = device.split(':').map(Number);
    // What is mounted from a namespace file or from somewhere that cannot be reached has no path there.
    if (major === undefined || minor === undefined || !root.startsWith('/') || !at.startsWith('/')) return [];
    return [{ id: Number(id), dev: ((major << 20) | minor) >>> 0, root: components(root), at: components(at) }];
  });
}
