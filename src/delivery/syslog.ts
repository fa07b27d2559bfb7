// Syslog messages (RFC 5424): nothing in one can end it.
import { hostname } from 'node:os';

/** Facility 13, "log audit". */
const FACILITY = 13;
const SEVERITIES = { error: 3, warning: 4, notice: 5, info: 6 } as const;

export interface SyslogMessage {
  readonly severity: keyof typeof SEVERITIES;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The machine that it is about; this one without it. */
  readonly host?: string | undefined;
  readonly pid?: number | undefined;
  /** What kind of message it is. */
  readonly id: string;
  /** Place in its log, from 1. */
  readonly sequence: number;
  readonly text: string;
}

/** The largest `sequenceId` (RFC 5424, 7.3.1), behind which it begins at 1 again. */
const LAST_SEQUENCE = 2 ** 31 - 1;

/** For a stream: framed by its length (RFC 6587, 3.4.1; RFC 5425, 4.3). */
export function syslogFrame(message: SyslogMessage): Buffer {
  const bytes = syslogDatagram(message);
  return Buffer.concat([Buffer.from(`${bytes.length} `), bytes]);
}

/** For one packet of its own (RFC 5426, 3.1). */
export function syslogDatagram({ severity, time, host = hostname(), pid, id, sequence, text }: SyslogMessage): Buffer {
  const head = [
    `<${FACILITY * 8 + SEVERITIES[severity]}>1`,
    new Date(time).toISOString(),
    word(host, 255),
    'agentgov',
    pid === undefined ? '-' : word(String(pid), 128),
    word(id, 32),
    `[meta sequenceId="${((sequence - 1) % LAST_SEQUENCE) + 1}"]`,
  ];
  return Buffer.from(`${head.join(' ')} ${text}`);
}

/** A field of the header: printable ASCII without spaces. */
const word = (text: string, length: number): string => text.replace(/[^!-~]/g, '_').slice(0, length) || '-';
