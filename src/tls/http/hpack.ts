import hpack from 'hpack.js';
import { Headers } from './message.js';

/** What a table has until an update says otherwise (RFC 9113, 6.5.2), and what no update may ask for. */
const TABLE_BYTES = 4096;
const TABLE_MAX = 1 << 20;
/** One octet can repeat a field of a whole table: what a head may come to (RFC 9113, 6.5.2, counts alike). */
const LIST_MAX = 256 * 1024;
const FIELD_OVERHEAD = 32;

/** Stands for what an earlier part of the connection defined, which was not seen. */
export const UNSEEN = '';

/**
 * Decodes the header blocks of one direction of an HTTP/2 connection, each exactly once and in order (RFC 7541): a
 * wrapper around hpack.js that gives whole lists, bounded, and throws.
 */
export class HpackDecoder {
  readonly #decompressor = hpack.decompressor.create({ table: { maxSize: TABLE_MAX } });
  #fields: [string, string][] = [];
  #size = 0;
  #error: Error | undefined;

  /**
   * `isWhole`: it decodes from the first block on. Else indices of older entries are UNSEEN; all newer ones are right,
   * for an index counts from the newest entry back.
   */
  constructor(isWhole: boolean) {
    const decompressor = this.#decompressor;
    decompressor.updateTableSize(TABLE_BYTES);
    decompressor.on('error', (error) => {
      this.#error = error;
    });
    // Not into the stream that it is: nobody would read there what a thrown error leaves behind.
    decompressor.push = ({ name, value }) => {
      this.#size += name.length + value.length + FIELD_OVERHEAD;
      if (this.#size > LIST_MAX) throw new Error(`a head of more than ${LIST_MAX} bytes`);
      this.#fields.push([name, value]);
      return true;
    };
    if (!isWhole) {
      const table = decompressor._table;
      const lookup = table.lookup.bind(table);
      table.lookup = (index) =>
        index > table.length ? { name: UNSEEN, value: UNSEEN, nameSize: 0, totalSize: 0 } : lookup(index);
    }
  }

  /** @throws Error where the block is invalid; the decoder is of no use any more. */
  decode(block: Uint8Array): Headers {
    this.#fields = [];
    this.#size = 0;
    this.#decompressor.write(block);
    this.#decompressor.execute();
    if (this.#error !== undefined) throw this.#error;
    return new Headers(this.#fields);
  }
}
