import { createParser, type EventSourceParser } from 'eventsource-parser';

/** The longest event, in UTF-16 units. The last event of a stream may repeat all of a request. */
const EVENT_MAX = 1 << 20;
/** What a reader may come to hold, to be taken from a budget before one is made. */
export const SSE_BYTES = 2 * EVENT_MAX;
/** Bytes at once: the parser looks for the end of a line once for each line, as far as the piece goes. */
const SLICE = 4096;

/** Reads an event stream (HTML Living Standard, 9.2) as it comes. */
export class SseReader {
  readonly #decoder = new TextDecoder('utf-8');
  readonly #parser: EventSourceParser;
  /** It held an event that was too long; nothing more is read. */
  overflowed = false;

  /** `onEvent`: the data of each event, and its type where it has one. */
  constructor(onEvent: (data: string, type: string | undefined) => void) {
    this.#parser = createParser({
      maxBufferSize: EVENT_MAX,
      onEvent: ({ data, event }) => onEvent(data, event),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.overflowed = true;
      },
    });
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.overflowed; at += SLICE) {
      this.#parser.feed(this.#decoder.decode(bytes.subarray(at, at + SLICE), { stream: true }));
    }
  }

  /** The stream has ended. Some servers leave out the empty line behind the last event. */
  end(): void {
    if (!this.overflowed) this.#parser.feed('\n\n');
  }
}
