import type { Socket } from 'node:dgram';
import type { Place } from './place.js';
import { type SyslogMessage, syslogDatagram } from './syslog.js';

/** Syslog over UDP (RFC 5426), which has no receipts: what is on its way has been delivered. */
export class DatagramPlace implements Place {
  readonly name: string;
  #socket: Socket | undefined;

  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly messageOf: (text: string) => SyslogMessage,
  ) {
    this.name = `udp://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  async deliver(text: string): Promise<void> {
    // Only here: who sends nothing need not load them, and most do not.
    const [{ createSocket }, { lookup }] = await Promise.all([import('node:dgram'), import('node:dns/promises')]);
    const { address, family } = await lookup(this.host);
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    this.#socket = socket;
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.send(syslogDatagram(this.messageOf(text)), this.port, address, (error) =>
          error === null ? resolve() : reject(error),
        );
      });
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
