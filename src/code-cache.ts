// Code that V8 has compiled once, kept beside the bundle that it was compiled from: parsing and compiling half a megabyte
// anew is a fifth of what a start costs Node. Modules cannot be started so in Node 20, so the bundle is a plain script.
import { isAscii } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';

const GROUP_OR_OTHERS_WRITE = 0o022;

/** A bundle that has run. */
export interface Started<Exports> {
  exports: Exports;
  /**
   * Keeps what V8 has compiled of the bundle so far for the next start, once: to be called when as much of it has run as
   * a start needs, and before flags of V8 are changed, which count as another V8. Never fails: where it cannot be kept,
   * the next start compiles again.
   */
  keep: () => void;
}

/**
 * Runs a bundle in the form that `tsup.config.ts` gives it: one function of `module`, `exports`, `require` and `bundleUrl`,
 * without import().
 *
 * What is kept is trusted as the bundle itself is, for it lies in the same folder. It is only written where this user
 * alone can write: elsewhere somebody could lay a link in root's way. Its name says which V8 compiled it and of what
 * (V8 itself knows a source by its length alone); where there is none of that name, Node is as slow as without.
 */
export function startBundle<Exports>(url: URL): Started<Exports> {
  const filename = fileURLToPath(url);
  const source = readFileSync(filename);
  const hash = createHash('sha256').update(source).digest('hex').slice(0, 16);
  const cache = `${filename}.${cachedDataVersionTag().toString(16)}-${hash}`;
  const cachedData = readIfThere(cache);
  // A text with one character beyond Latin-1 takes V8 twice the room, and us ten times as long to make.
  const script = new Script(source.toString(isAscii(source) ? 'latin1' : 'utf8'), {
    filename,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  const module = { exports: {} as Exports };
  script.runInThisContext()(module, module.exports, createRequire(url), url.href);
  return {
    exports: module.exports,
    keep: () => {
      if (cachedData === undefined || script.cachedDataRejected) write(cache, () => script.createCachedData());
    },
  };
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

function write(path: string, compiled: () => Buffer): void {
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    const { uid, mode } = statSync(dirname(path));
    if (uid !== process.geteuid?.() || (mode & GROUP_OR_OTHERS_WRITE) !== 0) return;
    writeFileSync(draft, compiled(), { flag: 'wx', mode: 0o644 });
    renameSync(draft, path);
  } catch {
    rmSync(draft, { force: true });
  }
}
