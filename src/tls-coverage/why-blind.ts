import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** As far as a program is searched: the largest agents are a third of it. */
const MOST = 1 << 30;
const BLOCK = 1 << 20;

/**
 * What a program of its own TLS code is known by: text that stays in it when its symbols are gone. BoringSSL's error
 * macro names its source files, rustls its crate, and the Go linker marks where it wrote which modules went in
 * (debug/buildinfo).
 */
const MARKS: readonly [mark: Buffer, what: string][] = [
  [Buffer.from('\xff Go buildinf:', 'latin1'), 'a Go program without crypto/tls, or with other names for it'],
  [
    Buffer.from('/boringssl/ssl/'),
    'a program with BoringSSL inside and no symbols, whose functions could not be told apart',
  ],
  [Buffer.from('rustls-'), 'a program with rustls inside, which is not read yet'],
  [Buffer.from('ssl/record/'), 'a program with OpenSSL inside and no symbols, which is not read'],
];
const OVERLAP = Math.max(...MARKS.map(([mark]) => mark.length)) - 1;
const NOTHING = 'it has mapped no TLS library that is known';

/** Sentences by file, for a program that is run again and again. */
const known = new Map<string, string>();
const KNOWN = 256;

function search(fd: number, size: number): string {
  const block = Buffer.alloc(BLOCK);
  let found = MARKS.length;
  for (let at = 0; at < Math.min(size, MOST); ) {
    const n = readSync(fd, block, 0, BLOCK, at);
    const bytes = block.subarray(0, n);
    for (let mark = 0; mark < found; mark++) if (bytes.includes(MARKS[mark]?.[0] ?? '')) found = mark;
    if (n <= OVERLAP || found === 0) break;
    at += n - OVERLAP;
  }
  const [, what] = MARKS[found] ?? [];
  return what === undefined ? NOTHING : `it is ${what}`;
}

/**
 * Why nothing was read of a process: the end of a sentence. Looks at its program, as long as it runs; else at what its
 * path leads to now.
 */
export function whyBlind(pid: number, exe: string | undefined): string {
  for (const path of [`/proc/${pid}/exe`, exe]) {
    if (path === undefined) continue;
    let fd: number | undefined;
    try {
      // The path is the agent's: what lies there may be a pipe by now, and nobody is to wait for its other end.
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const found = fstatSync(fd);
      if (!found.isFile()) continue;
      const { dev, ino, size, ctimeMs } = found;
      const key = `${dev} ${ino} ${size} ${ctimeMs}`;
      const why = known.get(key) ?? search(fd, size);
      if (known.size >= KNOWN) known.clear();
      known.set(key, why);
      return why;
    } catch {
      // It has ended, or was replaced: the next one, or nothing.
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
  return 'it had ended before its program could be looked at';
}
