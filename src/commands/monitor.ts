import { Command } from 'commander';
import { monitor, type Output } from '../engine/index.js';
import { logPath, resolveTarget } from '../targets/index.js';
import { addLogFlags, type LogFlags, logSetup } from './log-flags.js';
import { addTargetFlags, type TargetOptions } from './target-flags.js';
import { ringSize } from './values.js';

/**
 * With CMD nothing is shown unless asked for: its stdout is its own, whether that is a terminal that its interface is
 * drawn on or a pipe that somebody parses.
 */
function shown(flags: TargetOptions, command: string[] | undefined): Output | undefined {
  if (flags.output !== undefined) return flags.output;
  if (command !== undefined) return undefined;
  return process.stdout.isTTY ? 'pretty' : 'jsonl';
}

async function run(flags: TargetOptions & LogFlags, command: string[] | undefined): Promise<number> {
  const target = await resolveTarget(flags, command);
  const output = shown(flags, command);
  const ringBulk = ringSize('AGENTGOV_RING_BULK', process.env);
  const ringCritical = ringSize('AGENTGOV_RING_CRITICAL', process.env);
  const agentId = flags.agentId ?? target.agentId;
  const say = (line: string): void => void process.stderr.write(`agentgov: ${line}\n`);
  const { path } = logPath(flags.outputFile, agentId, process.geteuid?.() ?? 0, process.env);
  const log = await logSetup(flags, path, say);
  const session = monitor({
    target,
    agentId,
    failOn: flags.failOn,
    say,
    log: log.options,
    ...(flags.outputFile === undefined ? {} : { outputFile: flags.outputFile }),
    ...(output === undefined ? {} : { output }),
    ...(flags.duration === undefined ? {} : { duration: flags.duration }),
    ...(flags.tier === undefined ? {} : { tier: flags.tier }),
    ...(ringBulk === undefined ? {} : { ringBulk }),
    ...(ringCritical === undefined ? {} : { ringCritical }),
  });
  return session.finally(() => log.close());
}

/** `command`: the words behind "--". */
export function monitorCommand(command: string[] | undefined): Command {
  const own = new Command('monitor')
    .summary('record what an agent and all its processes do')
    .description(
      'Records what an agent and all its processes do, into a log that can be verified.\n\n' +
        'A log is always written; its path is shown at the start. --output only chooses what stdout shows: by default\n' +
        'pretty on a terminal, else jsonl, the bytes of the log; with "-- CMD" nothing, for stdout is its own then.',
    );
  return addLogFlags(addTargetFlags(own)).action(async (flags: TargetOptions & LogFlags) => {
    process.exitCode = await run(flags, command);
  });
}
