import { type DnsAnswer, parseDnsAnswer, readMessage } from './answer.js';
import type { DnsPacket } from './packet.js';

/** Connections with an unfinished message; more at once are forgotten, the oldest first. */
const STREAMS_MAX = 64;
const LENGTH_BYTES = 2;

const isAnswer = (answer: DnsAnswer | undefined): answer is DnsAnswer => answer !== undefined;

const messageLength = (bytes: Uint8Array): number => ((bytes[0] as number) << 8) | (bytes[1] as number);

/** The whole messages at the beginning of a stream's bytes, and what is left. */
function takeMessages(bytes: Uint8Array): { answers: DnsAnswer[]; rest: Uint8Array } {
  const answers: DnsAnswer[] = [];
  let rest = bytes;
  while (rest.length >= LENGTH_BYTES && rest.length - LENGTH_BYTES >= messageLength(rest)) {
    const end = LENGTH_BYTES + messageLength(rest);
    const answer = readMessage(rest.subarray(LENGTH_BYTES, end));
    if (!answer) break;
    answers.push(answer);
    rest = rest.subarray(end);
  }
  return { answers, rest };
}

/** Whether the bytes are the beginning of a message that more of the stream could complete. */
const isBeginning = (bytes: Uint8Array): boolean =>
  bytes.length < LENGTH_BYTES + 12 ||
  (messageLength(bytes) > bytes.length - LENGTH_BYTES && (bytes[LENGTH_BYTES + 2] as number) >= 0x80);

/** Whether a stream was read in step: nothing cut inside, and nothing strange behind. */
const isSound = ({ answers, rest }: ReturnType<typeof takeMessages>): boolean =>
  isBeginning(rest) && !answers.some((answer) => answer.truncated);

/**
 * Reads the answers out of packets. Over TCP an answer may be spread over segments and a segment may hold several
 * answers, so the unfinished beginning of each connection is kept (a message has 64 KB at most). What a lost or cut
 * segment leaves behind is read as far as it goes and marked `truncated`.
 */
export class DnsReader {
  readonly #unfinished = new Map<string, Uint8Array>();

  /** The answers that this packet completes, in their order. */
  read(packet: DnsPacket): DnsAnswer[] {
    const payload = Buffer.from(packet.data, 'base64');
    const tcp = packet.protocol === 'tcp';
    if (!tcp || typeof packet.socket !== 'string') return [parseDnsAnswer(payload, { tcp })].filter(isAnswer);
    return this.#readStream(packet.socket, payload, payload.length < packet.length);
  }

  #readStream(socket: string, segment: Uint8Array, isCut: boolean): DnsAnswer[] {
    const before = this.#unfinished.get(socket);
    this.#unfinished.delete(socket);
    const joined = takeMessages(before ? Buffer.concat([before, segment]) : segment);
    const alone = before && !isSound(joined) ? takeMessages(segment) : undefined;
    // Bytes between the two are missing where the segment makes sense only without what came before.
    const isGap = alone !== undefined && isSound(alone);
    const { answers, rest } = isGap ? alone : joined;
    const found: (DnsAnswer | undefined)[] = isGap ? [this.#cut(before as Uint8Array), ...answers] : [...answers];
    if (!isCut && isBeginning(rest)) this.#keep(socket, rest);
    else found.push(this.#cut(rest));
    return found.filter(isAnswer);
  }

  /** What can be read of a message that will not be completed. */
  #cut(bytes: Uint8Array): DnsAnswer | undefined {
    const answer = readMessage(bytes.subarray(LENGTH_BYTES));
    return answer && { ...answer, truncated: true };
  }

  #keep(socket: string, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#unfinished.set(socket, bytes.slice());
    if (this.#unfinished.size > STREAMS_MAX) this.#unfinished.delete(this.#unfinished.keys().next().value as string);
  }
}
