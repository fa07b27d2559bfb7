// Sends frames over a stream, and where it is told so does not give up.
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentgovError, EXIT } from '../errors.js';
import type { StreamAddress } from './address.js';
import { Connection, type TlsOptions } from './connection.js';

export interface SenderOptions {
  readonly tls?: TlsOptions;
  /** Connect again, for ever, when the receiver is not there or has gone. Else that is an error. */
  readonly persists?: boolean;
  /** Told when the receiver has gone and when it is back. */
  readonly say?: (text: string) => void;
  /** Ends all waiting. */
  readonly signal?: AbortSignal;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/**
 * Bytes that are sent again over a new connection, because nobody knows whether they arrived: syslog has no receipts. As
 * much as a kernel keeps for a receiver that is slow.
 */
const UNSURE = 4 * 2 ** 20;

export class Sender {
  #connection: Connection | undefined;
  #unsure: Buffer[] = [];
  #unsureBytes = 0;

  constructor(
    readonly address: StreamAddress,
    private readonly options: SenderOptions = {},
  ) {}

  /** @throws AgentgovError (usage) when there is no receiver and this does not persist */
  async open(): Promise<void> {
    try {
      this.#connection = await Connection.open(this.address, this.options.tls);
    } catch (error) {
      if (this.options.persists) return;
      throw new AgentgovError(
        `cannot reach ${this.address.url} (${(error as Error).message}): give the address of a receiver that listens there`,
        EXIT.usage,
        { cause: error },
      );
    }
  }

  /** Resolves when the bytes are on their way, or the signal has ended the waiting. Never two at once. */
  async send(bytes: Buffer): Promise<void> {
    this.#remember(bytes);
    try {
      if (this.#connection === undefined) throw new Error('it is not there');
      await this.#connection.write(bytes);
    } catch (error) {
      this.#connection?.destroy();
      this.#connection = undefined;
      if (!this.options.persists) throw this.#lost(error as Error);
      await this.#recover(error as Error);
    }
  }

  #remember(bytes: Buffer): void {
    if (!this.options.persists) return;
    this.#unsure.push(bytes);
    this.#unsureBytes += bytes.length;
    while (this.#unsure.length > 1 && this.#unsureBytes > UNSURE)
      this.#unsureBytes -= this.#unsure.shift()?.length ?? 0;
  }

  async #recover(cause: Error): Promise<void> {
    const { say, signal, tls } = this.options;
    say?.(`${this.address.url} does not take what is sent (${cause.message}); trying again.`);
    for (let wait = FIRST_WAIT_MS; !signal?.aborted; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      try {
        const connection = await Connection.open(this.address, tls);
        for (const bytes of this.#unsure) await connection.write(bytes);
        this.#connection = connection;
        say?.(`${this.address.url} is back.`);
        return;
      } catch {
        await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch(() => {});
      }
    }
  }

  #lost(cause: Error): AgentgovError {
    return new AgentgovError(
      `${this.address.url} was lost (${cause.message}): what was sent last may not have arrived`,
      EXIT.internal,
      { cause },
    );
  }

  /** Waits until the receiver has taken what is left. @throws AgentgovError (internal) when it has gone before */
  async close(): Promise<void> {
    try {
      await this.#connection?.close();
    } catch (error) {
      throw this.#lost(error as Error);
    }
  }
}
