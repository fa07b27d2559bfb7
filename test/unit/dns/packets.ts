/** Builds DNS messages octet by octet; `pointer` and `raw` make what no library would. */

const u16 = (n: number): number[] => [(n >> 8) & 0xff, n & 0xff];
const u32 = (n: number): number[] => [...u16(n >>> 16), ...u16(n)];

/** A name in labels; a trailing number is a compression pointer to that offset. */
export const name = (text: string, pointer?: number): number[] => [
  ...text
    .split('.')
    .filter(Boolean)
    .flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]),
  ...(pointer === undefined ? [0] : u16(0xc000 | pointer)),
];

export const TYPE = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, OPT: 41, HTTPS: 65, ODD: 65280 } as const;

export const record = (owner: number[], type: number, data: number[], ttl = 300, rrClass = 1): number[] => [
  ...owner,
  ...u16(type),
  ...u16(rrClass),
  ...u32(ttl),
  ...u16(data.length),
  ...data,
];

/** Offset of the question's name: just after the header. */
export const QUESTION = 12;

interface Options {
  flags?: number;
  id?: number;
  type?: number;
  qdcount?: number;
  ancount?: number;
  additional?: number[][];
}

/** A response: header, one question, answers. */
export const message = (question: string | number[], answers: number[][], options: Options = {}): Buffer =>
  Buffer.from([
    ...u16(options.id ?? 0x1234),
    ...u16(options.flags ?? 0x8180),
    ...u16(options.qdcount ?? 1),
    ...u16(options.ancount ?? answers.length),
    ...u16(0),
    ...u16(options.additional?.length ?? 0),
    ...(typeof question === 'string' ? name(question) : question),
    ...u16(options.type ?? TYPE.A),
    ...u16(1),
    ...answers.flat(),
    ...(options.additional ?? []).flat(),
  ]);

export const segment = (...messages: Buffer[]): Buffer =>
  Buffer.concat(messages.flatMap((body) => [Buffer.from(u16(body.length)), body]));

export const ip6 = (hex: string): number[] => [...Buffer.from(hex.replaceAll(' ', ''), 'hex')];
