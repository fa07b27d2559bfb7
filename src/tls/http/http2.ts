import { type Budget, Pile } from '../pile.js';
import { FLAG, FRAME, type FrameHead, FrameReader, looksLikeFrames, PREFACE } from './h2-frames.js';
import { HpackDecoder } from './hpack.js';
import {
  ENDED,
  type Exchange,
  type Headers,
  MISSING,
  ROLES,
  type Role,
  type WireHost,
  type WireReader,
} from './message.js';

/** A header block with all its continuations, and any other frame that is read whole. */
const BLOCK_MAX = 128 * 1024;
/** Streams at once; servers allow 100 to 250. */
const STREAMS_MAX = 1024;

interface Stream {
  readonly exchange: Exchange;
  /** Which halves have begun, and which have ended. */
  readonly begun: Record<Role, boolean>;
  readonly ended: Record<Role, boolean>;
}

interface Side {
  readonly role: Role;
  reader: FrameReader | undefined;
  hpack: HpackDecoder;
  readonly payload: Pile;
  /** The header block that goes on in CONTINUATION frames, and the stream and flags of its first frame. */
  readonly block: Pile;
  blockOf: FrameHead | undefined;
  /** Of the DATA frame that is being read: bytes of content still to come; undefined until the padding is known. */
  content: number | undefined;
  /** Bytes of the preface still to come. */
  preface: number;
  passed: number;
  reason: string;
  /** Content of streams whose beginning was not seen. */
  stray: number;
  /** What it said was invalid: nothing of it is read any more. */
  isBroken: boolean;
}

/** An HTTP/2 connection (RFC 9113): streams that are interleaved frame by frame. */
export class Http2 implements WireReader {
  readonly #host: WireHost;
  readonly #sides: Record<Role, Side>;
  readonly #streams = new Map<number, Stream>();
  /** The streams whose requests were seen are among these. */
  #lowest = Number.POSITIVE_INFINITY;
  #highest = 0;

  /** `isWhole`: the connection was seen from its first byte. */
  constructor(host: WireHost, budget: Budget, isWhole: boolean) {
    this.#host = host;
    const side = (role: Role): Side => {
      const made: Side = {
        role,
        reader: undefined,
        hpack: new HpackDecoder(isWhole),
        payload: new Pile(budget, BLOCK_MAX),
        block: new Pile(budget, BLOCK_MAX),
        blockOf: undefined,
        content: undefined,
        preface: role === 'client' && isWhole ? PREFACE.length : 0,
        passed: 0,
        reason: 'capture began in the middle of the connection',
        stray: 0,
        isBroken: false,
      };
      if (isWhole) made.reader = this.#reader(made);
      return made;
    };
    this.#sides = { client: side('client'), server: side('server') };
  }

  push(from: Role, bytes: Buffer, isCall: boolean): void {
    const side = this.#sides[from];
    if (side.reader === undefined && !side.isBroken && isCall && looksLikeFrames(bytes)) {
      this.#tellPassed(side);
      side.hpack = new HpackDecoder(false);
      side.reader = this.#reader(side);
    }
    if (side.reader === undefined) {
      side.passed += bytes.length;
      return;
    }
    const preface = Math.min(side.preface, bytes.length);
    side.preface -= preface;
    try {
      side.reader.push(bytes.subarray(preface));
    } catch (error) {
      side.isBroken = true;
      this.#lose(side, `they are no HTTP/2 (${(error as Error).message})`);
      side.passed += bytes.length;
    }
  }

  gap(from: Role, length: number): void {
    const side = this.#sides[from];
    if (side.reader?.skip(length) === true) return;
    if (side.reader !== undefined) this.#lose(side, MISSING);
    side.passed += length;
  }

  end(): void {
    for (const role of ROLES) {
      const side = this.#sides[role];
      this.#lose(side, ENDED);
      this.#tellPassed(side);
      if (side.stray > 0) this.#host.unread(role, side.stray, 'the beginning of its stream was not seen');
    }
    for (const { exchange, begun } of this.#streams.values()) if (!begun.server) exchange.responseEnd(ENDED);
    this.#streams.clear();
  }

  #reader(side: Side): FrameReader {
    return new FrameReader(
      {
        head: (frame) => this.#onHead(side, frame),
        piece: (frame, bytes) => this.#onData(side, frame, bytes),
        missing: (frame, length) => this.#onMissing(side, frame, length),
        end: (frame, payload) => this.#onEnd(side, frame, payload),
      },
      side.payload,
    );
  }

  #onHead(side: Side, { type, flags, length, stream }: FrameHead): 'whole' | 'pieces' | 'skip' {
    const isNext = type === FRAME.continuation && stream === side.blockOf?.stream;
    if (side.blockOf !== undefined && !isNext) throw new Error('a header block is interrupted');
    if (type === FRAME.data) {
      side.content = (flags & FLAG.padded) === 0 ? length : undefined;
      return 'pieces';
    }
    return type === FRAME.headers || type === FRAME.push || type === FRAME.continuation ? 'whole' : 'skip';
  }

  #onData(side: Side, { stream, length }: FrameHead, bytes: Buffer): void {
    let content = bytes;
    if (side.content === undefined) {
      // The first byte says how many are padding at the end.
      const padding = bytes[0] as number;
      if (padding >= length) throw new Error('a frame has more padding than bytes');
      side.content = length - 1 - padding;
      content = bytes.subarray(1);
    }
    content = content.subarray(0, side.content);
    side.content -= content.length;
    const exchange = this.#streams.get(stream)?.exchange;
    if (exchange === undefined) side.stray += content.length;
    if (content.length === 0 || exchange === undefined) return;
    if (side.role === 'client') exchange.requestBody(content);
    else exchange.responseBody(content);
  }

  #onMissing(side: Side, { type, stream }: FrameHead, length: number): void {
    if (type !== FRAME.data) return;
    if (side.content !== undefined) side.content = Math.max(0, side.content - length);
    const exchange = this.#streams.get(stream)?.exchange;
    if (side.role === 'client') exchange?.requestGap();
    else exchange?.responseGap();
  }

  #onEnd(side: Side, frame: FrameHead, payload: Buffer): void {
    const { type, flags, stream } = frame;
    if (type === FRAME.data && (flags & FLAG.endStream) !== 0) this.#endHalf(stream, side.role);
    if (type === FRAME.reset) this.#reset(stream);
    if (type === FRAME.headers || type === FRAME.push) {
      side.blockOf = frame;
      this.#onBlock(side, frame, fragmentOf(frame, payload));
    } else if (type === FRAME.continuation) {
      if (side.blockOf === undefined) throw new Error('a header block goes on that did not begin');
      this.#onBlock(side, frame, payload);
    }
  }

  #onBlock(side: Side, { flags }: FrameHead, fragment: Buffer): void {
    if (!side.block.push(fragment)) throw new Error(`a header block of more than ${BLOCK_MAX} bytes`);
    if ((flags & FLAG.endHeaders) === 0) return;
    const frame = side.blockOf as FrameHead;
    side.blockOf = undefined;
    const headers = side.hpack.decode(side.block.bytes);
    side.block.clear();
    // A pushed response answers what nobody asked; its stream has an even number and is passed over.
    if (frame.type === FRAME.push || frame.stream % 2 === 0) return;
    if (side.role === 'client') this.#onRequest(frame.stream, headers);
    else this.#onResponse(frame.stream, headers);
    if ((frame.flags & FLAG.endStream) !== 0) this.#endHalf(frame.stream, side.role);
  }

  #onRequest(id: number, headers: Headers): void {
    // Otherwise they are trailers, or of a stream that is over.
    if (id <= this.#highest && id >= this.#lowest) return;
    this.#lowest = Math.min(this.#lowest, id);
    this.#highest = Math.max(this.#highest, id);
    const stream = this.#open(id);
    if (stream === undefined) return;
    stream.begun.client = true;
    stream.exchange.request({
      version: '2',
      method: headers.get(':method') ?? '',
      target: headers.get(':path') ?? '',
      host: headers.get(':authority') || headers.get('host'),
      headers,
    });
  }

  #onResponse(id: number, headers: Headers): void {
    const wasSeen = id <= this.#highest && id >= this.#lowest;
    const stream = this.#streams.get(id) ?? (wasSeen ? undefined : this.#open(id));
    if (stream === undefined || stream.begun.server) return;
    const status = headers.get(':status') ?? '';
    if (/^1\d\d$/.test(status)) return;
    stream.begun.server = true;
    stream.exchange.response({ version: '2', status: /^\d{3}$/.test(status) ? Number(status) : 0, headers });
  }

  #open(id: number): Stream | undefined {
    if (this.#streams.size >= STREAMS_MAX) {
      this.#host.unread('client', 0, `more than ${STREAMS_MAX} streams are open at once`);
      return undefined;
    }
    const stream: Stream = {
      exchange: this.#host.open(),
      begun: { client: false, server: false },
      ended: { client: false, server: false },
    };
    this.#streams.set(id, stream);
    return stream;
  }

  #endHalf(id: number, role: Role, fault?: string): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || !stream.begun[role] || stream.ended[role]) return;
    stream.ended[role] = true;
    if (role === 'client') stream.exchange.requestEnd(fault);
    else stream.exchange.responseEnd(fault);
    if (stream.ended.server && (stream.ended.client || !stream.begun.client)) this.#streams.delete(id);
  }

  #reset(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    for (const role of ROLES) this.#endHalf(id, role, 'its stream was reset');
    if (!stream.begun.server) stream.exchange.responseEnd('its stream was reset');
    this.#streams.delete(id);
  }

  /** Nobody knows any more where a frame begins on this side. */
  #lose(side: Side, fault: string): void {
    side.reader = undefined;
    side.blockOf = undefined;
    side.payload.clear();
    side.block.clear();
    if (fault !== ENDED) side.reason = fault;
    const told = fault === MISSING || fault === ENDED ? fault : `behind it are bytes, and ${fault}`;
    for (const id of [...this.#streams.keys()]) this.#endHalf(id, side.role, told);
  }

  #tellPassed(side: Side): void {
    if (side.passed > 0) this.#host.unread(side.role, side.passed, side.reason);
    side.passed = 0;
  }
}

/** The part of a header block in a frame: without padding, priority and the number of a promised stream. */
function fragmentOf({ type, flags }: FrameHead, payload: Buffer): Buffer {
  const isPadded = (flags & FLAG.padded) !== 0;
  const padding = isPadded ? (payload[0] ?? 0) : 0;
  const priority = type === FRAME.headers && (flags & FLAG.priority) !== 0 ? 5 : 0;
  const from = (isPadded ? 1 : 0) + priority + (type === FRAME.push ? 4 : 0);
  if (from + padding > payload.length) throw new Error('a frame has more padding than bytes');
  return payload.subarray(from, payload.length - padding);
}
