// The kernels under test: Debian's own cloud kernels, unmodified, fetched as packages into a cache.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { aptState, unpackPackage } from './debian.mjs';
import { cacheFolder } from './places.mjs';

const META = 'linux-image-cloud-amd64';

/** Oldest first. `series` matches a Debian version, `suites` is where to look; of several matches the newest is taken. */
export const KERNELS = [
  { name: '5.10', series: /^5\.10\./, suites: ['bullseye'] },
  { name: '6.1', series: /^6\.1\./, suites: ['bookworm'] },
  { name: '6.12', series: /^6\.12\./, suites: ['trixie'] },
  { name: '7', series: /^[7-9]\./, suites: ['forky', 'sid', 'experimental'] },
];

async function depends(apt, name, version) {
  const { stdout } = await execa('apt-cache', [...apt, 'show', `${name}=${version}`]);
  const line = stdout.split('\n').find((text) => text.startsWith('Depends: ')) ?? '';
  return [...line.matchAll(/(linux-(?:image|binary)-[^\s,]+) \(= ([^)]+)\)/g)].map(([, dep, exact]) => [dep, exact]);
}

/** The package that holds the image itself: from 7.x `linux-image-*` is empty and depends on `linux-binary-*`. */
async function imagePackage(apt, version) {
  let [name, exact] = [META, version];
  for (;;) {
    const [next] = await depends(apt, name, exact);
    if (!next) return [name, exact];
    [name, exact] = next;
  }
}

async function newestVersion(apt, { name, series }) {
  const { stdout } = await execa('apt-cache', [...apt, 'madison', META]);
  // madison prints the newest first.
  const versions = stdout.split('\n').map((line) => line.split('|')[1]?.trim() ?? '');
  const version = versions.find((text) => series.test(text));
  if (!version) throw new Error(`the mirror has no ${META} of series ${name}`);
  return version;
}

/** Modules that guest tests load; all else that they need is built in. */
const MODULES = ['overlay'];

async function findFile(folder, start) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.startsWith(start)) return join(entry.parentPath ?? entry.path, entry.name);
  }
}

async function fetchKernel(kernel, target) {
  const work = await mkdtemp(`${target}.`);
  try {
    const apt = await aptState(join(work, 'apt'), kernel.suites);
    const version = await newestVersion(apt, kernel);
    const [name, exact] = await imagePackage(apt, version);
    const root = await unpackPackage(apt, `${name}=${exact}`, work);
    await mkdir(join(work, 'done'));
    const image = await findFile(root, 'vmlinuz');
    if (!image) throw new Error('the kernel package holds no vmlinuz');
    await rename(image, join(work, 'done/vmlinuz'));
    // From 7.x on they are in another package, and their tests are skipped there.
    const modules = (await Promise.all(MODULES.map((module) => findFile(root, `${module}.ko`)))).filter(Boolean);
    for (const file of modules) await rename(file, join(work, 'done', basename(file)));
    const about = { package: name, version: exact, modules: modules.map((file) => basename(file)) };
    await writeFile(join(work, 'done/kernel.json'), `${JSON.stringify(about)}\n`);
    // Another run may have been faster: its kernel is as good as this one.
    await rename(join(work, 'done'), target).catch((error) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * A kernel of KERNELS: its folder, and what its package was. Fetched on first use, or where modules were not kept yet, and
 * then kept until the cache is removed, so that a run does not depend on what the mirror has today.
 */
async function fetched(kernel) {
  const folder = join(cacheFolder('kernels'), kernel.name);
  const read = async () => JSON.parse(await readFile(join(folder, 'kernel.json'), 'utf8'));
  let about = await read().catch(() => undefined);
  if (!about?.modules) {
    console.error(`fetching the ${kernel.name} kernel`);
    await rm(folder, { recursive: true, force: true });
    await fetchKernel(kernel, folder);
    about = await read();
  }
  return { folder, ...about };
}

/** The kernel image of a series of KERNELS: { name, image, version }. */
export async function kernelImage(name) {
  const { folder, version } = await fetched(KERNELS.find((kernel) => kernel.name === name));
  return { name, image: join(folder, 'vmlinuz'), version };
}

/** The files of a module of MODULES, as the kernels' packages have it: [{ kernel, file }]. */
export async function kernelModules(module) {
  const files = [];
  for (const kernel of KERNELS) {
    const { folder, modules } = await fetched(kernel);
    const name = modules.find((file) => file.startsWith(`${module}.ko`));
    if (name) files.push({ kernel: kernel.name, file: join(folder, name) });
  }
  return files;
}
