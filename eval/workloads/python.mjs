// A Python project: a virtual environment is made, the package is built and installed into it, its tests run.
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { evalFolder, home, homeEnvironment } from '../harness/workspace.mjs';
import { pick, sampleOf, wordOf } from './work.mjs';

/** Debian's own, with python3-venv: another one would be looked for in another place by each user. */
const PYTHON = '/usr/bin/python3';
const project = join(home, 'work', 'ledger');
const MODULES = ['money', 'book', 'store', 'cli'];

/** Another module with its test, which the branch adds. */
const newModule = (name) => `cat > ledger/${name}.py <<'END'
def answer():
    return 42
END
cat > tests/test_${name}.py <<'END'
import unittest

from ledger import ${name}


class New(unittest.TestCase):
    def test_answer(self):
        self.assertEqual(${name}.answer(), 42)
END`;

export default {
  name: 'python',
  title: 'a virtual environment, pip install and unittest of a Python package',
  programs: ['python3', 'sh'],
  runs: 8,
  async prepare() {},
  async run(run, { random, record }) {
    rmSync(project, { recursive: true, force: true });
    cpSync(join(evalFolder, 'projects', 'ledger'), project, { recursive: true });
    const month = `month-2026-${String(run + 1).padStart(2, '0')}`;
    writeFileSync(join(project, `${month}.csv`), 'account,amount\nrent,1000.00\nfood,12.50\n');
    const name = wordOf(random).replaceAll('-', '_');
    const isThrowAway = run % 3 === 2;
    const script = [
      'set -e',
      isThrowAway ? 'venv=$(mktemp -d)' : 'venv=.venv',
      `${PYTHON} -m venv $venv`,
      ...sampleOf(MODULES, 2, random).map((module) => `echo '# ${Math.floor(random() * 1e6)}' >> ledger/${module}.py`),
      newModule(name),
      `$venv/bin/pip install --no-index --no-build-isolation --disable-pip-version-check -q ${pick(['.', '-e .'], random)}`,
      `$venv/bin/python -m unittest ${[...sampleOf(MODULES, 2, random), name].map((module) => `tests.test_${module}`).join(' ')}`,
      `$venv/bin/python -m ledger.cli ${month}.csv || true`,
      `$venv/bin/ledger ${month}.csv --save ${month}.json ${run % 2 === 0 ? `--database ${month}.db` : ''}`,
      ...(run % 4 === 0 ? ['$venv/bin/python -m unittest discover -q tests -t .'] : []),
      ...(isThrowAway ? ['rm -rf "$venv"'] : []),
    ].join('\n');
    await record(['sh', '-c', script], { cwd: project, env: homeEnvironment() });
  },
};
