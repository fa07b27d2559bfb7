// Go as Debian packages it, fetched once into the cache: `node go-toolchain.mjs VERSION` prints its GOROOT.
import { access, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { aptState, unpackPackage } from '../vm/debian.mjs';
import { cacheFolder } from '../vm/places.mjs';

/** Which suite has which version. */
const SUITES = {
  1.15: 'bullseye',
  1.19: 'bookworm',
  1.21: 'bookworm-backports',
  1.22: 'bookworm-backports',
  1.23: 'bookworm-backports',
  1.24: 'trixie',
  1.25: 'trixie-backports',
  1.26: 'trixie-backports',
  1.27: 'trixie-backports',
};

/** @returns the folder that both packages were unpacked into */
async function fetchInto(work, version, suite) {
  const apt = await aptState(join(work, 'apt'), [suite]);
  const [compiler, sources] = [join(work, 'go'), join(work, 'src')];
  for (const folder of [compiler, sources]) await mkdir(folder);
  const root = await unpackPackage(apt, `golang-${version}-go`, compiler);
  // The compiler's own links lead from usr/lib to usr/share, where the two packages share a folder.
  await cp(await unpackPackage(apt, `golang-${version}-src`, sources), root, {
    recursive: true,
    verbatimSymlinks: true,
  });
  return root;
}

const [version] = process.argv.slice(2);
const suite = SUITES[version];
if (!suite) throw new Error(`no suite of Debian is known to have Go ${version}`);
const folder = cacheFolder('go');
const target = join(folder, version);
const there = () =>
  access(target).then(
    () => true,
    () => false,
  );
if (!(await there())) {
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, 'new-'));
  try {
    const root = await fetchInto(work, version, suite);
    // Another run may have been faster: its toolchain is as good as this one.
    await rename(root, target).catch(async (error) => {
      if (!(await there())) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
console.log(join(target, `usr/lib/go-${version}`));
