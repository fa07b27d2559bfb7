// A day's work in a repository: branches, commits, rebases, merges, work trees, pushes.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../bench/harness/index.mjs';
import { home, homeEnvironment } from '../harness/workspace.mjs';
import { editScript, pick, sampleOf, wordOf } from './work.mjs';

/** What the repository holds: text files of this one, in folders of several depths. */
const CONTENT = ['docs', 'examples', 'templates', 'bench', 'README.md'];
const FILES = [
  'README.md',
  'docs/architecture.md',
  'docs/quickstart.md',
  'docs/learning.md',
  'docs/policy.md',
  'examples/demo.mjs',
  'examples/demo/screen.mjs',
  'examples/finance-agent/agent.mjs',
  'examples/finance-agent/standins/model.mjs',
  'bench/run.mjs',
  'bench/harness/stats.mjs',
  'bench/rows/idle.mjs',
  'templates/policies/generic.yaml',
  'templates/policies/python.yaml',
];
const FOLDERS = ['docs', 'examples', 'examples/demo', 'bench/rows', 'templates'];

const origin = join(home, 'origin.git');
const clone = join(home, 'work', 'project');

/** Some of what people look at between two commits. */
const looks = (random) =>
  sampleOf(
    [
      'git status --short',
      'git log --oneline -n 20',
      `git log -p -n 3 -- ${pick(FILES, random)}`,
      `git blame ${pick(FILES, random)}`,
      `git grep -n ${pick(['export', 'policy', 'const', 'agent'], random)} -- ${pick(FOLDERS, random)}`,
      'git diff --stat HEAD~1',
      `git show --stat HEAD`,
      'git branch -a -vv',
      'git stash list',
    ],
    4,
    random,
  );

/** What is done once in a while. */
const seldom = (branch, random) => [
  ['git gc -q'],
  [
    `git worktree add -q ../${branch} HEAD~1`,
    `git -C ../${branch} log --oneline -n 3`,
    `git worktree remove --force ../${branch}`,
  ],
  [`git tag -a v1.${Math.floor(random() * 90)} -m release`, 'git push -q origin --tags'],
  [
    editScript(pick(FILES, random), random),
    'git stash -q',
    'git switch -q main',
    'git switch -q -',
    'git stash pop -q',
    'git commit -qam wip',
  ],
  ['git fetch -q --prune origin', 'git rebase -q origin/main'],
  [`git cherry-pick HEAD~1 >/dev/null 2>&1 || git cherry-pick --abort`],
];

const commit = (random) => [
  ...sampleOf(FILES, 1 + Math.floor(random() * 3), random).map((file) => editScript(file, random)),
  `echo '# ${wordOf(random)}' > ${pick(FOLDERS, random)}/${wordOf(random)}.md`,
  ...looks(random),
  'git add -A',
  `git commit -q -m '${wordOf(random)}'`,
];

export default {
  name: 'git',
  title: 'git work on a local repository and its bare origin',
  programs: ['sh'],
  runs: 8,
  async prepare() {
    for (const path of CONTENT) cpSync(join(repository, path), join(clone, path), { recursive: true });
    mkdirSync(clone, { recursive: true });
    writeFileSync(
      join(home, '.gitconfig'),
      '[user]\n\tname = Ann\n\temail = ann@example.com\n[init]\n\tdefaultBranch = main\n',
    );
    const script = `git init -q --bare ${origin} && git init -q && git add -A && git commit -q -m begin &&
      git commit -q --allow-empty -m more && git remote add origin ${origin} && git push -q -u origin main`;
    execFileSync('sh', ['-c', script], { cwd: clone, env: homeEnvironment() });
  },
  async run(run, { random, record }) {
    const branch = wordOf(random);
    const script = [
      'git switch -q main',
      'git pull -q --ff-only',
      `git switch -q -c ${branch}`,
      ...commit(random),
      ...commit(random),
      ...sampleOf(seldom(branch, random), 2, random).flat(),
      `git push -q -u origin ${branch}`,
      'git switch -q main',
      pick(
        [
          `git merge -q --no-ff -m merge ${branch}`,
          `git merge -q --ff-only ${branch}`,
          `git merge -q --squash ${branch} && git commit -q -m squashed`,
        ],
        random,
      ),
      'git push -q origin main',
      ...(run % 2 === 0 ? [`git push -q origin --delete ${branch}`, `git branch -q -D ${branch}`] : []),
    ].join('\n');
    await record(['sh', '-c', script], { cwd: clone, env: homeEnvironment({ GIT_PAGER: 'cat' }) });
  },
};
