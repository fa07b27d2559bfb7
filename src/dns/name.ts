/** What the message cannot be read beyond: its end came too early, or it is none. */
export class DnsFault extends Error {}

/** A name in the text form of RFC 1035 section 5.1, without the last dot (the root is "."), and where it ends. */
export interface WireName {
  readonly name: string;
  /** Offset after the name as it stands here: after its first pointer, where it has one. */
  readonly next: number;
}

/** RFC 1035 section 2.3.4: 255 octets with the length bytes and the root. */
const NAME_MAX = 255;
/** More pointers than a name can have labels are a loop. */
const POINTERS_MAX = 128;

/** One octet of a label: printable ASCII as it is, a dot or a backslash escaped, anything else as `\DDD` (decimal). */
function octetText(octet: number): string {
  if (octet === 0x2e || octet === 0x5c) return `\\${String.fromCharCode(octet)}`;
  if (octet > 0x20 && octet < 0x7f) return String.fromCharCode(octet);
  return `\\${String(octet).padStart(3, '0')}`;
}

const octetAt = (message: Uint8Array, at: number): number => {
  const octet = message[at];
  if (octet === undefined) throw new DnsFault('the message ends inside a name');
  return octet;
};

/**
 * Reads the name at `at`, compressed or not (RFC 1035 section 4.1.4). A pointer may lead anywhere in the message, as
 * resolvers accept it: a stricter reader here would be a way to hide a name. Loops end by count.
 *
 * @throws DnsFault
 */
export function readName(message: Uint8Array, at: number): WireName {
  const labels: string[] = [];
  let next: number | undefined;
  let size = 1;
  let pointers = 0;
  for (let from = at; ; ) {
    const length = octetAt(message, from);
    if (length === 0) return { name: labels.join('.') || '.', next: next ?? from + 1 };
    if (length >= 0xc0) {
      if (++pointers > POINTERS_MAX) throw new DnsFault('a name points at itself');
      next ??= from + 2;
      from = ((length & 0x3f) << 8) | octetAt(message, from + 1);
      continue;
    }
    // 01 and 10 are extensions that nobody uses (RFC 6891 section 5).
    if (length > 0x3f) throw new DnsFault('a label of an unknown kind');
    size += length + 1;
    if (size > NAME_MAX) throw new DnsFault('a name of more than 255 octets');
    octetAt(message, from + length);
    labels.push(Array.from(message.subarray(from + 1, from + 1 + length), octetText).join(''));
    from += length + 1;
  }
}
