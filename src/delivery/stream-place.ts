import type { StreamAddress } from './address.js';
import { Connection } from './connection.js';
import type { Place } from './place.js';
import { type SyslogMessage, syslogFrame } from './syslog.js';

/** Syslog over a stream. */
export class StreamPlace implements Place {
  readonly name: string;
  #connection: Connection | undefined;

  constructor(
    private readonly address: StreamAddress,
    private readonly messageOf: (text: string) => SyslogMessage,
  ) {
    this.name = address.url;
  }

  async deliver(text: string): Promise<void> {
    try {
      this.#connection ??= await Connection.open(this.address);
      await this.#connection.write(syslogFrame(this.messageOf(text)));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#connection?.end();
    this.#connection = undefined;
  }
}
