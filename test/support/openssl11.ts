// OpenSSL 1.1.1 as a shared library: Debian 11's, for systems that have no other than 3.x.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptState, unpackPackage } from '../vm/debian.mjs';
import { cache } from './repo.js';

/** Path of a folder with libssl.so.1.1 and libcrypto.so.1.1, fetched once from Debian's archive and kept in the cache. */
export async function openssl11(): Promise<string> {
  const folder = join(cache, 'openssl-1.1.1');
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(`${folder}.`);
  try {
    const apt = await aptState(join(draft, 'apt'), ['bullseye']);
    const root = await unpackPackage(apt, 'libssl1.1', draft);
    renameSync(join(root, 'usr', 'lib', 'x86_64-linux-gnu'), folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}
