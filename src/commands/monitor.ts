import { Command } from 'commander';
import { addLogFlags, type LogFlags } from './log-flags.js';
import { record, recordedBy, shown } from './record.js';
import { say } from './say.js';
import { addTargetFlags, type TargetOptions } from './target-flags.js';

async function run(
  flags: TargetOptions & LogFlags,
  command: string[] | undefined,
  onBegun: (() => void) | undefined,
): Promise<number> {
  const recorded = await recordedBy(flags, command);
  return record(recorded, flags, {
    say,
    ...shown(flags, command),
    ...(flags.duration === undefined ? {} : { duration: flags.duration }),
    ...(onBegun === undefined ? {} : { onBegun }),
  });
}

/** `command`: the words behind "--"; `onBegun`: called when the recording has begun. */
export function monitorCommand(command: string[] | undefined, onBegun?: () => void): Command {
  const own = new Command('monitor')
    .summary('record what an agent and all its processes do')
    .description(
      'Records what an agent and all its processes do, into a log that can be verified.\n\n' +
        'A log is always written; its path is shown at the start. --output only chooses what stdout shows: by default\n' +
        'pretty on a terminal, else jsonl, the bytes of the log; with "-- CMD" nothing, for stdout is its own then.',
    );
  return addLogFlags(addTargetFlags(own)).action(async (flags: TargetOptions & LogFlags) => {
    process.exitCode = await run(flags, command, onBegun);
  });
}
