import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { agentgov, inspectLog } from '../../bench/harness/index.mjs';

/** All events of the evaluation are of this agent. */
export const AGENT_ID = 'eval';

/**
 * Runs a command under `agentgov monitor` and keeps what it recorded.
 *
 * @param {string[]} argv
 * @param {{log: string, cwd: string, env: Record<string, string>, mayFail?: boolean}} options
 * @throws {Error} when the command failed, or the recording lacks something
 */
export async function record(argv, { log, cwd, env, mayFail = false }) {
  const [command, ...args] = agentgov('monitor', '--agent-id', AGENT_ID, '--tier', 'observe', '--no-checkpoints');
  const child = spawn(command, [...args, '--output-file', log, '--', ...argv], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const hear = (text) => {
    said = (said + text).slice(-4000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const [status] = await once(child, 'close');
  if (status !== 0 && !mayFail) throw new Error(`${argv.join(' ')} ended with status ${status}: ${said}`);
  const { ended, lost } = await inspectLog(log);
  if (!ended || lost > 0) throw new Error(`${log} is not whole: ${lost} events lost, ${ended ? '' : 'no '}end`);
}
