// What a guest test asks for beyond the base system, and the files of this machine that this means.
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { execa } from 'execa';
import { build } from 'tsup';
import { kernelModules } from './kernels.mjs';
import { cacheFolder, guestFolder, repository } from './places.mjs';

/** /lib/x is /usr/lib/x on every Debian of today, and in the guest. */
const guestPath = (path) => path.replace(/^\/(bin|sbin|lib|lib32|lib64|libx32)\//, '/usr/$1/');

const unique = (files) => [...new Map(files.map((file) => [file.path, file])).values()];

/** The shared libraries and the interpreter of a program; none for a static one. Only for programs of this machine. */
async function libraries(program) {
  const { stdout, exitCode } = await execa('ldd', [program], { reject: false });
  if (exitCode !== 0) return [];
  // Under the name that the program asks for, with the bytes of the file that it leads to.
  return [...stdout.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, path]) => ({
    path: guestPath(join(realpathSync(dirname(path)), basename(path))),
    source: realpathSync(path),
  }));
}

/** A program with all that it needs to start: [{ path in the guest, source on this machine }]. */
export async function program(source, path = guestPath(source)) {
  const real = realpathSync(source);
  return [{ path, source: real }, ...(await libraries(real))];
}

async function tree(folder, keep = () => true) {
  const files = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isDirectory() && keep(source)) files.push({ path: guestPath(source), source });
  }
  return files;
}

async function withLibraries(files) {
  const loaded = files.filter(({ source }) => /\.so(\.|$)/.test(source) && statSync(source).isFile());
  return [...files, ...(await Promise.all(loaded.map(({ source }) => libraries(source)))).flat()];
}

/** The distribution's Python: the interpreter and its standard library, without tests and caches. */
async function python3() {
  const python = '/usr/bin/python3';
  const { stdout } = await execa(python, ['-c', 'import sysconfig; print(sysconfig.get_path("stdlib"))']);
  const skip = /\/(__pycache__|test|tests|idlelib|tkinter|ensurepip|lib2to3|config-3[^/]*|dist-packages)\//;
  const library = await withLibraries(await tree(stdout, (source) => !skip.test(source)));
  return [...(await program(python)), ...library];
}

/** git, whose subcommands are mostly the one program again. */
async function git() {
  const { stdout: folder } = await execa('/usr/bin/git', ['--exec-path']);
  const helpers = ['git', 'git-upload-pack', 'git-receive-pack', 'git-sh-setup', 'git-submodule', 'git-remote-http'];
  const present = helpers.map((name) => join(folder, name)).filter((file) => statSync(file, { throwIfNoEntry: false }));
  const templates = await tree('/usr/share/git-core/templates');
  return [
    ...(await program('/usr/bin/git')),
    ...(await Promise.all(present.map((file) => program(file)))).flat(),
    ...templates,
  ];
}

/** A C program of test/vm/guest/programs, linked statically: it must run on any kernel beside any C library. */
async function compiled(name) {
  const folder = join(guestFolder, 'programs');
  const source = join(folder, `${name}.c`);
  const target = join(cacheFolder('vm-programs'), name);
  const headers = readdirSync(folder).filter((file) => file.endsWith('.h'));
  const changed = Math.max(
    ...[source, ...headers.map((file) => join(folder, file))].map((file) => statSync(file).mtimeMs),
  );
  const built = statSync(target, { throwIfNoEntry: false });
  if (!built || built.mtimeMs < changed) {
    await execa('gcc', [
      '-std=gnu11',
      '-O1',
      '-g',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-static',
      '-pthread',
      '-o',
      target,
      source,
    ]);
  }
  return [{ path: `/usr/local/bin/${name}`, source: target }];
}

/** A file of test/ for the guest's /vm/test/; TypeScript as one .mjs, for the guest has no compiler. */
async function shared(name) {
  const source = join(repository, 'test', name);
  if (!name.endsWith('.ts')) return [{ path: join('/vm/test', name), source }];
  const outDir = cacheFolder('vm-modules');
  const outExtension = () => ({ js: '.mjs' });
  await build({ entry: [source], outDir, outExtension, format: 'esm', target: 'node20', config: false, silent: true });
  const module = name.replace(/\.ts$/, '.mjs');
  return [{ path: join('/vm/test', module), source: join(outDir, basename(module)) }];
}

/** The agent of the demo, what it talks to, and the demo's own stage, at /vm/examples/. */
async function examples() {
  const folder = join(repository, 'examples');
  return (await tree(folder)).map(({ source }) => ({ path: join('/vm/examples', relative(folder, source)), source }));
}

/** A module of the kernels under test, packed as it came: /vm/modules/KERNEL/NAME.ko*. */
async function modules(name) {
  const found = await kernelModules(name);
  return found.map(({ kernel, file }) => ({ path: join('/vm/modules', kernel, basename(file)), source: file }));
}

const recipes = { python3, git, examples };

/**
 * The files that a list of needs stands for: `python3`, `git`, `examples`, `c:NAME` for test/vm/guest/programs/NAME.c, `test:PATH`
 * for a file of test/ (at /vm/test/PATH, .ts as .mjs), `module:NAME` for a kernel's module (at /vm/modules), or the name
 * of any program of this machine's system folders.
 */
export async function filesFor(needs) {
  const lists = await Promise.all(
    [...needs].map(async (need) => {
      if (need.startsWith('c:')) return compiled(need.slice(2));
      if (need.startsWith('test:')) return shared(need.slice(5));
      if (need.startsWith('module:')) return modules(need.slice(7));
      if (Object.hasOwn(recipes, need)) return recipes[need]();
      const found = ['/usr/bin', '/usr/sbin', '/bin', '/sbin']
        .map((folder) => join(folder, need))
        .find((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
      if (!found) throw new Error(`a guest test needs ${need}, which this machine does not have; run bin/setup --test`);
      return program(found);
    }),
  );
  return unique(lists.flat());
}
