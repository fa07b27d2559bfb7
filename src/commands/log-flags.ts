// The flags that say how a log is written.
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import {
  type CheckpointOptions,
  checkpointsPath,
  defaultKeyPath,
  loadKey,
  type WriterOptions,
} from '../audit/index.js';
import { CHECKPOINTS, Pusher, placeAt } from '../delivery/index.js';
import { usageError } from '../errors.js';
import { bytes, duration, lineNumber, milliseconds, word } from './values.js';

export interface LogFlags {
  fsyncMs?: number;
  rotateSize?: number;
  rotateAge?: number;
  key?: string;
  /** False with --no-checkpoints. */
  checkpoints: boolean;
  checkpointEvents?: number;
  checkpointEvery?: number;
  checkpointPush: string[];
}

export function addLogFlags(command: Command): Command {
  const push = (text: string, all: string[]): string[] => [...all, word('--checkpoint-push')(text)];
  return command
    .option(
      '--fsync-ms <ms>',
      'make what is written durable every so often (default: 200; 0: each write)',
      milliseconds,
    )
    .option('--rotate-size <size>', 'begin a new file at this size, as 100M or 2G', bytes)
    .option('--rotate-age <age>', 'begin a new file after so long, as 12h or 7d', duration('--rotate-age'))
    .option(
      '--key <file>',
      `sign checkpoints with this key (default: ${defaultKeyPath()}, if it is there)`,
      word('--key'),
    )
    .option('--no-checkpoints', 'sign no checkpoints')
    .option('--checkpoint-events <n>', 'a checkpoint after so many events (default: 10000)', (text) =>
      lineNumber('--checkpoint-events', text),
    )
    .option('--checkpoint-every <age>', '… and after so long (default: 60s)', duration('--checkpoint-every'))
    .option(
      '--checkpoint-push <where>',
      'take each checkpoint there as it is made: a file, http(s)://…, or syslog at tcp://, tls://, unix:// (repeatable)',
      push,
      [],
    );
}

/** What the flags ask of a writer, and what is to be closed behind it. */
export interface LogSetup {
  readonly options: Pick<WriterOptions, 'fsyncMs' | 'rotateBytes' | 'rotateMs' | 'checkpoints'>;
  close(): Promise<void>;
}

/** `log`: its path. @throws AgentgovError (usage) when flags contradict each other, or the key cannot be read. */
export async function logSetup(flags: LogFlags, log: string, say: (text: string) => void): Promise<LogSetup> {
  const { fsyncMs, rotateSize, rotateAge, key, checkpointEvents, checkpointEvery, checkpointPush } = flags;
  const path = key ?? (existsSync(defaultKeyPath()) ? defaultKeyPath() : undefined);
  const wantsThem = checkpointEvents !== undefined || checkpointEvery !== undefined || checkpointPush.length > 0;
  if (!flags.checkpoints && (wantsThem || key !== undefined))
    throw usageError('--no-checkpoints goes with no other flag about them: leave one out');
  if (wantsThem && path === undefined)
    throw usageError('checkpoints need a key: make one with agentgov keys new, or give --key');
  const places = checkpointPush.map((where) => placeAt(where, checkpointsPath(log)));
  const pushers = places.map((place) => new Pusher(place, CHECKPOINTS, say));
  const checkpoints: CheckpointOptions | undefined =
    flags.checkpoints && path !== undefined
      ? {
          key: await loadKey(path),
          ...(checkpointEvents === undefined ? {} : { everyEvents: checkpointEvents }),
          ...(checkpointEvery === undefined ? {} : { everyMs: checkpointEvery }),
          onCheckpoint: (note) => {
            for (const pusher of pushers) pusher.push(note);
          },
        }
      : undefined;
  return {
    options: {
      ...(fsyncMs === undefined ? {} : { fsyncMs }),
      ...(rotateSize === undefined ? {} : { rotateBytes: rotateSize }),
      ...(rotateAge === undefined ? {} : { rotateMs: rotateAge }),
      ...(checkpoints === undefined ? {} : { checkpoints }),
    },
    close: async () => {
      await Promise.all(pushers.map((pusher) => pusher.close()));
    },
  };
}
