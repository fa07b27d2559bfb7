// agentgov export: the events of an audit log in the format that a SIEM reads.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { findWholeLogs, type LogFiles } from '../audit/index.js';
import {
  parseStreamAddress,
  Sender,
  type SenderOptions,
  type StreamAddress,
  syslogFrame,
  type TlsOptions,
} from '../delivery/index.js';
import { AgentgovError, usageError } from '../errors.js';
import { type Exported, exportLog, FORMAT_NAMES, FORMATS, type FormatName, weightOf } from '../export/index.js';
import { say } from './say.js';
import { lineNumber, oneOf, word } from './values.js';

interface Flags {
  to: FormatName;
  follow?: boolean;
  from?: number;
  checkpoints: boolean;
  syslog?: StreamAddress;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
}

export function exportCommand(): Command {
  return new Command('export')
    .summary('the events of an audit log in the format that a SIEM reads')
    .description(
      'Writes the events of an audit log for other systems, after checking that the log is intact.\n\n' +
        'Exit code: 0 all events were written, 1 the log is not intact, 2 it cannot be read or the receiver is not there,\n' +
        '4 the receiver was lost.',
    )
    .argument('<audit...>', 'one audit log, or its folder: all its files are read; a finished file stands for itself')
    .requiredOption('--to <format>', `the format: ${FORMAT_NAMES.join(', ')}`, oneOf('--to', FORMAT_NAMES))
    .option('--follow', 'go on with what the writer adds, until Ctrl-C')
    .option('--from <seq>', 'begin with this event', (text) => lineNumber('--from', text))
    .option('--no-checkpoints', 'look at no checkpoints, for a log that was copied without them')
    .option(
      '--syslog <address>',
      'send syslog messages (RFC 5424) there: tcp://HOST:PORT, tls://HOST[:PORT] or unix:///PATH',
      (text) => parseStreamAddress('--syslog', text),
    )
    .option('--tls-ca <file>', 'certificates (PEM) to believe, instead of those of the system', word('--tls-ca'))
    .option('--tls-cert <file>', 'our certificate (PEM), for a receiver that asks for one', word('--tls-cert'))
    .option('--tls-key <file>', 'its private key (PEM)', word('--tls-key'))
    .action(run);
}

/** Where events go. */
interface Receiver {
  send(events: readonly Exported[]): Promise<void>;
  close(): Promise<void>;
}

async function run(paths: string[], flags: Flags): Promise<void> {
  const log = await oneLog(paths, flags);
  const tls = await tlsOptions(flags);
  const end = new AbortController();
  const stop = (): void => end.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  process.stdout.once('error', stop);
  let last = 0;
  try {
    const receiver =
      flags.syslog === undefined
        ? stdout(flags.to)
        : await syslog(flags.syslog, { tls, persists: flags.follow ?? false, signal: end.signal });
    const options = {
      format: FORMATS[flags.to],
      ...(flags.from === undefined ? {} : { from: flags.from }),
      ...(flags.follow ? { follow: end.signal } : {}),
      ...(flags.checkpoints ? {} : { checkpoints: false as const }),
    };
    for await (const events of exportLog(log, options)) {
      await receiver.send(events);
      if (end.signal.aborted) break;
      last = events.at(-1)?.seq ?? last;
    }
    if (!end.signal.aborted || flags.syslog !== undefined) await receiver.close();
  } catch (error) {
    if (!(error instanceof AgentgovError) || last === 0) throw error;
    throw new AgentgovError(`${error.message} (event ${last} was the last one written)`, error.exitCode, {
      cause: error,
    });
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    process.stdout.off('error', stop);
  }
}

async function oneLog(paths: string[], { follow, to, syslog }: Flags): Promise<LogFiles> {
  if (to === 'csv' && syslog !== undefined)
    throw usageError('a syslog message is no table: give --to ocsf, ecs or cef');
  const [log, ...others] = await findWholeLogs(paths);
  if (log === undefined || others.length > 0) throw usageError('one log is exported at a time: give the files of one');
  if (follow && !log.files.some((file) => resolve(file) === resolve(log.log)))
    throw usageError(`--follow needs the file that is being written: give ${log.log} as well`);
  return log;
}

function stdout(to: FormatName): Receiver {
  let { header } = FORMATS[to];
  return {
    send: (events) => {
      const text = `${header === undefined ? '' : `${header}\n`}${events.map((event) => `${event.text}\n`).join('')}`;
      header = undefined;
      return write(text);
    },
    // A table without events still has its head.
    close: () => (header === undefined ? Promise.resolve() : write(`${header}\n`)),
  };
}

/** Resolves when stdout has taken the text, or nobody reads it any more. */
const write = (text: string): Promise<void> => new Promise((resolve) => process.stdout.write(text, () => resolve()));

async function syslog(address: StreamAddress, options: SenderOptions): Promise<Receiver> {
  const sender = new Sender(address, { ...options, say });
  await sender.open();
  return {
    send: (events) => sender.send(Buffer.concat(events.map(frame))),
    close: () => sender.close(),
  };
}

const frame = ({ event, seq, time, origin, text }: Exported): Buffer =>
  syslogFrame({
    severity: weightOf(event),
    time,
    host: origin.host,
    pid: Number(event.pid),
    id: String(event.event_type),
    sequence: seq,
    text,
  });

async function tlsOptions({ syslog: address, tlsCa, tlsCert, tlsKey }: Flags): Promise<TlsOptions> {
  const files = { ca: tlsCa, cert: tlsCert, key: tlsKey };
  const given = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (given.length > 0 && address?.kind !== 'tls')
    throw usageError('--tls-ca, --tls-cert and --tls-key belong to tls://');
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw usageError('--tls-cert and --tls-key belong together');
  const read = async ([name, path]: [string, string]): Promise<[string, Buffer]> => {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw usageError(`cannot read ${path} (${error.code}): give a file that you may read`, error);
    });
    return [name, bytes];
  };
  return Object.fromEntries(await Promise.all(given.map(read)));
}
