// zstd, held against the program of that name, and against data that was made to hurt.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { unzstd } from '../../../src/audit/zstd.js';
import { ZstdError } from '../../../src/zstd-frames.js';
import { random as randomFor } from '../../scale.js';

const random = randomFor('zstd');

const pack = (bytes: Buffer, ...flags: string[]): Buffer =>
  spawnSync('zstd', ['-qc', ...flags], { input: bytes, maxBuffer: 2 ** 28 }).stdout;

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpack(bytes: Buffer, size = 65_536): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of unzstd(pieces(bytes, size))) parts.push(part);
  return Buffer.concat(parts);
}

const text = Buffer.from(randomBytes(300_000).toString('base64').replaceAll('AA', 'the same again '));

vi.setConfig({ testTimeout: 60_000 });

describe('zstd', () => {
  it.each([['-1'], ['-19'], ['--no-check'], ['--ultra', '-22'], ['--long=27']])(
    'unpacks what zstd %s packs',
    async (...flags) => {
      expect((await unpack(pack(text, ...flags))).equals(text)).toBe(true);
    },
  );

  it('unpacks frames behind each other, those that are skipped, and empty ones, in pieces of any size', async () => {
    const skipped = Buffer.from('522a4d1803000000abcdef', 'hex');
    const all = Buffer.concat([
      skipped,
      pack(Buffer.from('x')),
      pack(Buffer.alloc(0)),
      pack(text),
      skipped,
      pack(text, '--no-check'),
    ]);
    const wanted = Buffer.concat([Buffer.from('x'), text, text]);
    for (const size of [1, 7, 1024, 100_000]) expect((await unpack(all, size)).equals(wanted)).toBe(true);
  });

  it('says that the end is missing, wherever that is', async () => {
    const whole = pack(text.subarray(0, 5000));
    for (let cut = 1; cut < whole.length; cut += 1 + Math.floor(random() * 40))
      await expect(unpack(whole.subarray(0, cut)), `${cut}`).rejects.toThrow(ZstdError);
  });

  it('does not take as much memory as it is asked for', async () => {
    // Windows of 2 GiB, and of a content of 2^40 bytes in one segment.
    const window = Buffer.from('28b52ffd00a8', 'hex');
    const single = Buffer.from('28b52ffde00000000000010000', 'hex');
    for (const header of [window, single]) {
      const bytes = Buffer.concat([pack(Buffer.from('first')), header, Buffer.alloc(100)]);
      await expect(unpack(bytes)).rejects.toThrow('window');
    }
    // 4 KiB that stand for 128 MiB: given out in small parts.
    const bomb = Buffer.concat([
      Buffer.from('28b52ffd0058', 'hex'),
      ...Array.from({ length: 1024 }, () => Buffer.from('02001000', 'hex')),
    ]);
    let [most, sum] = [0, 0];
    for await (const part of unzstd(pieces(bomb, 65_536))) {
      most = Math.max(most, part.length);
      sum += part.length;
      if (sum > 2 ** 26) break;
    }
    expect(most).toBeLessThanOrEqual(2 ** 17);
    expect(sum).toBeGreaterThan(2 ** 26);
  });

  it('survives what is no zstd', async () => {
    const packed = pack(text.subarray(0, 2000));
    for (let round = 0; round < 300; round += 1) {
      const bytes = Buffer.from(packed);
      for (let change = 0; change < 3; change += 1)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      await unpack(bytes).then(
        () => {},
        (error: unknown) => expect(error).toBeInstanceOf(ZstdError),
      );
    }
  });
});
