// What monitor, learn and enforce have in common: a target, its log, one session.
import { type MonitorOptions, monitor } from '../engine/index.js';
import { usageError } from '../errors.js';
import { logPath, resolveTarget, type Target } from '../targets/index.js';
import { type LogFlags, logSetup } from './log-flags.js';
import type { TargetOptions } from './target-flags.js';
import { ringSize } from './values.js';

/** Who is to be recorded, and where. */
export interface Recorded {
  readonly target: Target;
  readonly agentId: string;
  /** Path of the log. */
  readonly log: string;
}

/** @throws AgentgovError (exit 2) when the flags name nobody, or several. */
export async function recordedBy(flags: TargetOptions, command: string[] | undefined): Promise<Recorded> {
  const target = await resolveTarget(flags, command);
  const agentId = flags.agentId ?? target.agentId;
  const { path } = logPath(flags.outputFile, agentId, process.geteuid?.() ?? 0, process.env);
  return { target, agentId, log: path };
}

/**
 * With CMD nothing is shown unless asked for: its stdout is its own, whether that is a terminal that its interface is
 * drawn on or a pipe that somebody parses.
 */
export function shown(flags: TargetOptions, command: string[] | undefined): Pick<MonitorOptions, 'output'> {
  if (flags.output !== undefined) return { output: flags.output };
  if (command !== undefined) return {};
  return { output: process.stdout.isTTY ? 'pretty' : 'jsonl' };
}

/** @throws AgentgovError (exit 2) for flags about plaintext that nobody captures. */
function plaintextOf({
  captureTls,
  captureContent = false,
  toolArgs,
}: TargetOptions): Pick<MonitorOptions, 'plaintext'> {
  if (captureTls === true) return { plaintext: { captureContent, toolArgs } };
  if (captureContent || !toolArgs)
    throw usageError('--capture-content and --no-tool-args are about plaintext: add --capture-tls');
  return {};
}

/** @returns the exit code of agentgov. */
export async function record(
  { target, agentId, log: path }: Recorded,
  flags: TargetOptions & LogFlags,
  more: Pick<MonitorOptions, 'say' | 'output' | 'onLog' | 'onBegun' | 'duration' | 'enforce'>,
): Promise<number> {
  const ringBulk = ringSize('AGENTGOV_RING_BULK', process.env);
  const ringCritical = ringSize('AGENTGOV_RING_CRITICAL', process.env);
  const ringTls = ringSize('AGENTGOV_RING_TLS', process.env);
  const log = await logSetup(flags, path, more.say);
  const session = monitor({
    ...more,
    target,
    agentId,
    failOn: flags.failOn,
    log: log.options,
    ...(flags.outputFile === undefined ? {} : { outputFile: flags.outputFile }),
    ...(flags.tier === undefined ? {} : { tier: flags.tier }),
    ...(ringBulk === undefined ? {} : { ringBulk }),
    ...(ringCritical === undefined ? {} : { ringCritical }),
    ...(ringTls === undefined ? {} : { ringTls }),
    ...plaintextOf(flags),
  });
  return session.finally(() => log.close());
}
