// The guest's whole disk: one uncompressed initramfs. No disk means no driver, no modules and no wait; uncompressed,
// because unpacking under emulation would take longer than copying.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { CpioArchive } from './cpio.mjs';
import { filesFor, program } from './needs.mjs';
import { guestFolder, repository } from './places.mjs';

/** Where the package under test is in the guest. */
const PRODUCT = '/opt/agentgov';

const ETC = {
  passwd:
    'root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:/home/agent:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
  group: 'root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost\n::1 localhost\n127.0.0.1 known-host.test\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'resolv.conf': 'nameserver 127.0.0.1\n',
  hostname: 'guest\n',
};

async function addBase(image) {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) image.link(`/${name}`, `usr/${name}`);
  for (const folder of ['/proc', '/sys', '/dev', '/run', '/mnt', '/root', '/usr/lib64', '/var/log'])
    image.folder(folder);
  for (const folder of ['/tmp', '/var/tmp']) image.folder(folder, 0o1777);
  image.folder('/home/agent', 0o755);
  // The kernel opens it for init's own output before anything is mounted.
  image.characterDevice('/dev/console', 5, 1);
  for (const [name, text] of Object.entries(ETC)) image.file(`/etc/${name}`, text);

  for (const { path, source } of await program(process.execPath, '/usr/bin/node')) image.copy(path, source);
  const busybox = ['/usr/bin/busybox', '/bin/busybox'].find((file) => statSync(file, { throwIfNoEntry: false }));
  if (!busybox) throw new Error('busybox-static is not installed; run bin/setup --test');
  image.copy('/usr/bin/busybox', busybox);
}

/** After all else, so that a real program of the same name goes before busybox's. */
async function addApplets(image) {
  const { stdout } = await execa('busybox', ['--list']);
  for (const applet of stdout.split('\n')) {
    const path = ['ip', 'ifconfig', 'route', 'mount', 'umount', 'losetup'].includes(applet) ? 'sbin' : 'bin';
    if (!image.has(`/usr/bin/${applet}`) && !image.has(`/usr/sbin/${applet}`)) {
      image.link(`/usr/${path}/${applet}`, '/usr/bin/busybox');
    }
  }
}

function addFolder(image, target, source) {
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath ?? entry.path, entry.name);
    image.copy(join(target, relative(source, file)), file);
  }
}

/** A file that the build makes. */
function built(path) {
  if (!statSync(join(repository, path), { throwIfNoEntry: false })) {
    throw new Error(`${path} is missing; run npm run build first`);
  }
  return join(repository, path);
}

function addLoader(image) {
  const path = join(PRODUCT, 'prebuilt/linux-x64/agentgov-loader');
  image.copy(path, built('bpf/build/agentgov-loader'));
  image.link('/usr/bin/agentgov-loader', path);
}

/** The package as a user has it installed: what npm would pack, with its production dependencies. */
function addPackage(image) {
  built('dist/cli.cjs');
  for (const file of ['package.json', 'bin/agentgov', 'bin/package.json'])
    image.copy(join(PRODUCT, file), join(repository, file));
  for (const folder of ['dist', 'templates/policies'])
    addFolder(image, join(PRODUCT, folder), join(repository, folder));
  image.link('/usr/bin/agentgov', join(PRODUCT, 'bin/agentgov'));

  const { packages } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8'));
  for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (path && !dev && !optional && !devOptional) addFolder(image, join(PRODUCT, path), join(repository, path));
  }
}

/**
 * Builds the image for these guest tests at `path`.One image serves all kernels and tiers of a run; it holds as much
 * of the product as the tests ask for, so that the harness and the loader can be tried before the rest is built.
 */
export async function buildImage(path, tests) {
  const image = new CpioArchive(path);
  await addBase(image);
  for (const { path: target, source } of await filesFor(new Set(tests.flatMap((test) => test.needs)))) {
    image.copy(target, source);
  }
  const products = new Set(tests.map(({ product }) => product));
  if (products.has('package') || products.has('loader')) addLoader(image);
  if (products.has('package')) addPackage(image);
  image.copy('/init', join(guestFolder, 'init'));
  addFolder(image, '/vm', guestFolder);
  await addApplets(image);
  image.close();
}
