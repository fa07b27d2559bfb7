// Packages of Debian's archive, fetched without installing them.
//
// apt does the fetching with a state folder of its own, so the machine's package lists stay as they are, and with the
// mirror that this machine already uses; signatures are checked against Debian's archive keys as for any package.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEBIAN_SUITES = new Set(['bullseye', 'bookworm', 'trixie', 'forky', 'sid', 'oldstable', 'stable', 'testing']);

/** The archive that this machine installs Debian packages from. Throws with what to do when it has none. */
async function mirror() {
  if (process.env.AGENTGOV_DEBIAN_MIRROR) return process.env.AGENTGOV_DEBIAN_MIRROR;
  const { stdout } = await execa('apt-get', ['indextargets', '--format', '$(REPO_URI)|$(RELEASE)|$(COMPONENT)']);
  const rows = stdout.split('\n').map((line) => line.split('|'));
  const uri = rows.find(([, release, component]) => DEBIAN_SUITES.has(release) && component === 'main')?.[0];
  if (!uri) {
    throw new Error('apt on this machine has no Debian archive; set AGENTGOV_DEBIAN_MIRROR to one to fetch packages');
  }
  return uri;
}

/**
 * apt with nothing of the machine's but its mirror, its lists of `suites` up to date. Returns the arguments that every
 * apt call begins with.
 */
export async function aptState(folder, suites) {
  const sources = join(folder, 'sources.list');
  const uri = await mirror();
  await mkdir(join(folder, 'lists/partial'), { recursive: true });
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  await writeFile(sources, suites.map((suite) => `deb [signed-by=${KEYRING}] ${uri} ${suite} main\n`).join(''));
  const options = {
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    // Its sandbox user could not write into a folder of ours; what is fetched is checked by signature all the same.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const apt = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await execa('apt-get', [...apt, '-qq', 'update']);
  return apt;
}

/** Puts the files of a package (`NAME`, or `NAME=VERSION`) into `folder`/root, which is returned. */
export async function unpackPackage(apt, name, folder) {
  await execa('apt-get', [...apt, '-qq', 'download', name], { cwd: folder });
  const packageFile = (await readdir(folder)).find((file) => file.endsWith('.deb'));
  await execa('dpkg-deb', ['-x', join(folder, packageFile), join(folder, 'root')]);
  return join(folder, 'root');
}
