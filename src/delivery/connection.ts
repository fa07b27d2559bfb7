// One stream to a receiver.
import { connect as connectNet, type Socket } from 'node:net';
import type { StreamAddress } from './address.js';

/** For `tls://`: whom to believe, and who we are; the system's authorities and nobody without it. PEM. */
export interface TlsOptions {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** How long a receiver may take to accept a connection, or to take what is left at the end. */
const PATIENCE_MS = 10_000;

export class Connection {
  #failure: Error | undefined;

  private constructor(private readonly socket: Socket) {
    socket.on('error', (error) => {
      this.#failure ??= error;
    });
    socket.on('close', () => {
      this.#failure ??= new Error('the receiver has closed the connection');
    });
    // Receivers say nothing; what is not read would keep the end of the connection from being seen.
    socket.resume();
  }

  /** @throws Error, the system's or that of TLS, when there is no connection */
  static async open(address: StreamAddress, tls: TlsOptions = {}): Promise<Connection> {
    // Only here: who sends nothing need not load it, and most do not.
    const secure = address.kind === 'tls' ? await import('node:tls') : undefined;
    return new Promise((resolve, reject) => {
      const socket = socketTo(address, tls, secure);
      const timer = setTimeout(() => socket.destroy(new Error('no answer within 10 s')), PATIENCE_MS);
      const failed = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      socket.once('error', failed);
      socket.once(address.kind === 'tls' ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer);
        socket.off('error', failed);
        resolve(new Connection(socket));
      });
    });
  }

  /** Resolves when the kernel has taken the bytes, which does not say that the receiver has. */
  write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      // A socket that is destroyed forgets the callbacks of its writes.
      const closed = (): void => reject(this.#failure ?? new Error('the connection was closed'));
      this.socket.once('close', closed);
      this.socket.write(bytes, (error) => {
        this.socket.off('close', closed);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Says that nothing follows, and waits until the receiver has closed its side as well. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => this.socket.destroy(new Error('it did not take the rest within 10 s')),
        PATIENCE_MS,
      );
      this.socket.once('close', (hadError) => {
        clearTimeout(timer);
        if (hadError) reject(this.#failure ?? new Error('the connection broke'));
        else resolve();
      });
      this.socket.end();
    });
  }

  /** Says that nothing follows, and does not wait. */
  end(): void {
    this.socket.end();
    this.socket.unref();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

function socketTo(address: StreamAddress, tls: TlsOptions, secure: typeof import('node:tls') | undefined): Socket {
  if (address.kind === 'unix') return connectNet({ path: address.path });
  const { host, port } = address;
  if (secure === undefined) return connectNet({ host, port, keepAlive: true });
  // An address has no name that could be asked for (RFC 6066, 3).
  const servername = /^[\d.]+$|:/.test(host) ? '' : host;
  return secure.connect({ host, port, servername, minVersion: 'TLSv1.2', ...tls });
}
