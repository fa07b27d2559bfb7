import codingAgent from './coding-agent.mjs';
import finance from './finance.mjs';
import git from './git.mjs';
import { findMyWay, minimist, objectPath } from './npm.mjs';
import python from './python.mjs';

/**
 * What real programs do, several times, never twice the same.
 *
 * `programs`: which of `eval/attacks` can run in it: the language of whatever runs its work.
 * `madeOf`: sources besides this folder. `prepare`, once before the first run, and `run`, with the number of the run
 * and a random generator of its own, work in `home`; `run` calls `record(argv, {cwd, env})` once.
 */
export const workloads = [minimist, findMyWay, objectPath, git, python, finance, codingAgent];
