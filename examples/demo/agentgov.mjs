// Runs agentgov as a user does: by its command line, in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout or the installed package that this demo is part of. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const PROGRAM = join(ROOT, 'bin', 'agentgov');
const LIMIT = 60_000; // milliseconds; a run takes about two seconds

/**
 * Runs an agent under `agentgov monitor`. The events that it shows on standard output go to `screen`; the agent itself
 * prints nothing there.
 * @returns {Promise<{code: number, stderr: string}>} the agent's own exit code, and what monitor had to say
 */
export function monitor(command, { audit, screen, agentId, environment, signal }) {
  const options = ['--output', 'jsonl', '--capture-tls', '--output-file', audit, '--agent-id', agentId];
  return run(['monitor', ...options, '--', ...command], { stdout: openSync(screen, 'wx', 0o600), environment, signal });
}

/** @returns {Promise<{code: number, result: object}>} exit code and the JSON document of `agentgov verify` */
export async function verify(file, { signal }) {
  const { code, stdout, stderr } = await run(['verify', '--json', file], { stdout: 'pipe', signal });
  if (!stdout) throw new Error(`agentgov verify said nothing and ended with ${code}: ${stderr}`);
  return { code, result: JSON.parse(stdout) };
}

/** @returns {Promise<{code: number, stdout: string, stderr: string}>} how another command of agentgov ended */
export const agentgov = (args, { signal }) => run(args, { stdout: 'pipe', signal });

async function run(args, { stdout, environment = {}, signal }) {
  const limit = AbortSignal.timeout(LIMIT);
  const child = spawn(PROGRAM, args, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', stdout, 'pipe'],
    signal: AbortSignal.any([signal, limit]),
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name]?.setEncoding('utf8').on('data', (text) => (said[name] += text));
  const [code, killedBy] = await once(child, 'close');
  if (killedBy) throw new Error(`agentgov ${args[0]} was ended by ${killedBy}: ${said.stderr}`);
  return { code, ...said };
}
