import { constants, inflateRawSync } from 'node:zlib';
import { type Budget, Pile } from '../pile.js';
import { type Exchange, MISSING, ROLES, type Role, type WireHost, type WireReader } from './message.js';

const MESSAGE_MAX = 4 << 20;
const TEXT = 1;
const BINARY = 2;
const CONTINUATION = 0;
/** Control frames have codes from here on, and their payload is not kept. */
const CONTROL = 8;
const WINDOW = 32 * 1024;
/** What a sender takes off the end of each deflated message (RFC 7692, 7.2.1). */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
/** A long head: 2 bytes, 8 of length, 4 of mask. */
const HEAD_MAX = 14;

interface Side {
  readonly role: Role;
  readonly head: Buffer;
  headBytes: number;
  /** Of the frame that is being read. */
  frame: { opcode: number; isFinal: boolean; mask: Buffer | undefined; left: number; read: number } | undefined;
  /** Of the message that is being read. */
  readonly message: Pile;
  opcode: number;
  isDeflated: boolean;
  /** The end of what was inflated before, where the next message may refer to it. */
  window: Buffer;
  isLost: boolean;
  passed: number;
}

/** Frames of a WebSocket connection (RFC 6455), and its text messages, deflated ones too (RFC 7692). */
export class WebSocketReader implements WireReader {
  readonly #sides: Record<Role, Side>;

  /** `extensions`: what the server agreed to (Sec-WebSocket-Extensions). */
  constructor(
    private readonly host: WireHost,
    private readonly exchange: Exchange,
    budget: Budget,
    private readonly extensions: string,
  ) {
    const side = (role: Role): Side => ({
      role,
      head: Buffer.alloc(HEAD_MAX),
      headBytes: 0,
      frame: undefined,
      message: new Pile(budget, MESSAGE_MAX),
      opcode: TEXT,
      isDeflated: false,
      window: Buffer.alloc(0),
      isLost: false,
      passed: 0,
    });
    this.#sides = { client: side('client'), server: side('server') };
  }

  push(from: Role, bytes: Buffer): void {
    const side = this.#sides[from];
    if (side.isLost) {
      side.passed += bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      if (side.frame === undefined) {
        side.head[side.headBytes] = bytes[at] as number;
        side.headBytes += 1;
        at += 1;
        this.#begin(side);
        continue;
      }
      const count = Math.min(side.frame.left, bytes.length - at);
      this.#take(side, bytes.subarray(at, at + count));
      at += count;
    }
  }

  gap(from: Role, length: number): void {
    const side = this.#sides[from];
    side.isLost = true;
    side.passed += length;
    side.message.clear();
  }

  end(): void {
    for (const role of ROLES) {
      const side = this.#sides[role];
      if (side.passed > 0) this.host.unread(role, side.passed, MISSING);
      side.message.clear();
    }
    this.exchange.textEnd();
  }

  /** Begins a frame once its head is complete. */
  #begin(side: Side): void {
    const { head, headBytes } = side;
    const second = head[1] as number;
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const isMasked = (second & 0x80) !== 0;
    if (headBytes < 2 || headBytes < 2 + lengthBytes + (isMasked ? 4 : 0)) return;
    const length =
      lengthBytes === 8 ? Number(head.readBigUInt64BE(2)) : lengthBytes === 2 ? head.readUInt16BE(2) : short;
    const first = head[0] as number;
    const opcode = first & 0x0f;
    const mask = isMasked ? Buffer.from(head.subarray(headBytes - 4, headBytes)) : undefined;
    side.headBytes = 0;
    side.frame = { opcode, isFinal: (first & 0x80) !== 0, mask, left: length, read: 0 };
    if (opcode === TEXT || opcode === BINARY) {
      side.message.clear();
      side.opcode = opcode;
      side.isDeflated = (first & 0x40) !== 0;
    }
    if (length === 0) this.#end(side);
  }

  #take(side: Side, bytes: Buffer): void {
    const frame = side.frame as NonNullable<Side['frame']>;
    if (frame.opcode < CONTROL) {
      const { mask, read } = frame;
      const plain = mask === undefined ? bytes : bytes.map((byte, i) => byte ^ (mask[(read + i) & 3] as number));
      side.message.push(plain);
    }
    frame.read += bytes.length;
    frame.left -= bytes.length;
    if (frame.left === 0) this.#end(side);
  }

  #end(side: Side): void {
    const { opcode, isFinal } = side.frame as NonNullable<Side['frame']>;
    side.frame = undefined;
    if (opcode >= CONTROL || !isFinal) return;
    const isData = opcode === TEXT || opcode === BINARY || opcode === CONTINUATION;
    if (!isData) return;
    const whole = side.message.overflowed ? undefined : this.#inflated(side);
    side.message.clear();
    if (whole !== undefined && side.opcode === TEXT) this.exchange.text(side.role, whole.toString('utf8'));
    if (whole !== undefined) return;
    this.host.unread(side.role, 0, 'a message could not be unpacked, or is too large');
    // Later ones may refer to it.
    side.isLost = side.isDeflated;
  }

  /** The message as it was before it was deflated; it may refer to what came before it. */
  #inflated(side: Side): Buffer | undefined {
    if (!side.isDeflated) return Buffer.from(side.message.bytes);
    try {
      const whole = inflateRawSync(Buffer.concat([side.message.bytes, TAIL]), {
        maxOutputLength: MESSAGE_MAX,
        finishFlush: constants.Z_SYNC_FLUSH,
        ...(side.window.length > 0 ? { dictionary: side.window } : {}),
      });
      const forgets = this.extensions.includes(`${side.role}_no_context_takeover`);
      side.window = forgets ? side.window : Buffer.from(Buffer.concat([side.window, whole]).subarray(-WINDOW));
      return whole;
    } catch {
      return undefined;
    }
  }
}
