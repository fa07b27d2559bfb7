import { describe, expect, it } from 'vitest';
import { LineSplitter, MAX_LINE } from '../../../src/bpf/lines.js';

function split(chunks: string[]): { lines: string[]; rest: string } {
  const lines: string[] = [];
  const splitter = new LineSplitter({ line: (line) => void lines.push(line) });
  for (const chunk of chunks) splitter.push(Buffer.from(chunk, 'latin1'));
  return { lines, rest: splitter.rest };
}

describe('LineSplitter', () => {
  it('gives the same lines however the stream is cut', () => {
    const text = 'one\n\nthree is longer\nfour\ntorn';
    for (let at = 0; at <= text.length; at++) {
      expect(split([text.slice(0, at), text.slice(at)])).toEqual({
        lines: ['one', '', 'three is longer', 'four'],
        rest: 'torn',
      });
    }
    expect(split([...text])).toEqual(split([text]));
  });

  it('gives the bytes that a line announces, whatever they are and however the stream is cut', () => {
    const text = 'one\n3\n\n\xffz4\n2\n\n\ntwo\n';
    const told = (chunks: string[]): string[] => {
      const all: string[] = [];
      const parts: Buffer[] = [];
      const splitter = new LineSplitter({
        line: (line) => {
          all.push(line);
          return Number(line) || undefined;
        },
        bytes: (bytes, left) => {
          parts.push(bytes);
          if (left === 0) all.push(`bytes ${Buffer.concat(parts.splice(0)).toString('hex')}`);
        },
      });
      for (const chunk of chunks) splitter.push(Buffer.from(chunk, 'latin1'));
      return all;
    };
    const whole = ['one', '3', 'bytes 0aff7a', '4', 'bytes 320a0a0a', 'two'];
    for (let at = 0; at <= text.length; at++) expect(told([text.slice(0, at), text.slice(at)])).toEqual(whole);
    expect(told([...text])).toEqual(whole);
  });

  it('says when a line outgrows its bound, and takes one just within', () => {
    let longest = 0;
    const splitter = new LineSplitter({
      line: (line) => {
        longest = Math.max(longest, line.length);
        return undefined;
      },
    });
    const half = Buffer.alloc(MAX_LINE / 2, 'a');
    expect(splitter.push(half)).toBe(true);
    expect(splitter.push(half)).toBe(true);
    expect(splitter.push(Buffer.from('\n'))).toBe(true);
    expect(longest).toBe(MAX_LINE);
    splitter.push(half);
    splitter.push(half);
    expect(splitter.push(Buffer.from('a'))).toBe(false);
  });
});
