import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { addDigest, Digests } from '../../../src/audit/digests.js';
import { AuditWriter, proveConsistency, proveEvent, verifyProof } from '../../../src/audit/index.js';
import { filesOf } from '../../../src/audit/log-files.js';
import { newSigner } from '../../../src/audit/note.js';
import { proveCommand } from '../../../src/commands/prove.js';
import { verifyProofCommand } from '../../../src/commands/verify-proof.js';
import { event, folder, logFile, makeLines } from './logs.js';

const key = newSigner('example.org/host');
const keys = [key];

/** 37 events, a checkpoint after each ten: 12 11 … lines, 41 with the last. */
async function written(): Promise<{ path: string; lines: string[] }> {
  const path = join(folder(), 'audit.jsonl');
  const writer = await AuditWriter.open(path, { checkpoints: { key, everyEvents: 10 } });
  for (let index = 0; index < 37; index += 1) writer.append(event(index));
  await writer.close();
  return { path, lines: readFileSync(path, 'utf8').split('\n').slice(0, -1) };
}

vi.setConfig({ testTimeout: 60_000 });
afterEach(() => vi.restoreAllMocks());

describe('a proof of an event', () => {
  it('holds for each line, without the log', async () => {
    const { path, lines } = await written();
    expect(lines).toHaveLength(41);
    for (const [index, line] of lines.entries()) {
      const proven = verifyProof(await proveEvent(path, index + 1), keys);
      expect(proven).toMatchObject({
        kind: 'event',
        seq: index + 1,
        size: 41,
        line: Buffer.from(line),
        signers: [key],
      });
    }
  });

  it('holds for nothing else', async () => {
    const { path, lines } = await written();
    const proof = await proveEvent(path, 7);
    const extra = (line: string) => proof.replace(/extra \S+/, `extra ${Buffer.from(line).toString('base64')}`);
    const forged: Array<[string, number]> = [
      [extra((lines[6] ?? '').replace('OBSERVED', 'ALLOWED')), 1],
      [extra(lines[7] ?? ''), 1],
      [proof.replace('index 6', 'index 7'), 1],
      [proof.replace('\n41\n', '\n42\n'), 1],
      [proof.replace(/(index 6\n)(\S+)\n(\S+)\n/, '$1$3\n$2\n'), 1],
      [proof.replace(/index 6\n\S+\n/, 'index 6\n'), 1],
      [proof.replace(/index 6\n\S/, 'index 6\n*'), 2],
      [proof.replace('index 6', 'index 06'), 2],
      [proof.replace('tlog-proof@v1', 'tlog-proof@v2'), 2],
      [proof.replace(/extra.*\n/, ''), 2],
      [proof.slice(0, proof.indexOf('\n\n')), 2],
      ['', 2],
    ];
    for (const [text, exitCode] of forged)
      expect(() => verifyProof(text, keys)).toThrow(expect.objectContaining({ exitCode }));
    expect(() => verifyProof(proof, [newSigner('example.org/host')])).toThrow('not signed by a known key');
  });

  it('is not made where the log has changed, or nothing is signed', async () => {
    const { path, lines } = await written();
    await expect(proveEvent(path, 42)).rejects.toMatchObject({ exitCode: 2 });
    writeFileSync(path, `${lines.with(20, (lines[20] ?? '').replace('docs', 'dogs')).join('\n')}\n`);
    await expect(proveEvent(path, 7)).rejects.toMatchObject({ exitCode: 1 });
    await expect(proveConsistency(path, 11, 41)).rejects.toMatchObject({ exitCode: 1 });
    writeFileSync(path, `${lines.slice(0, 30).join('\n')}\n`);
    await expect(proveEvent(path, 7)).rejects.toMatchObject({ exitCode: 1 });
    await expect(proveEvent(logFile(makeLines(3)), 1)).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('a proof of consistency', () => {
  it('holds between all checkpoints, and for nothing else', async () => {
    const { path } = await written();
    for (const [from, to] of [
      [11, 22],
      [11, 33],
      [22, 41],
      [33, undefined],
      [41, 41],
    ] as const) {
      const proof = await proveConsistency(path, from, to);
      expect(verifyProof(proof, keys)).toMatchObject({ kind: 'consistency', from, to: to ?? 41 });
      expect(() => verifyProof(proof.replace(`\n${from}\n`, `\n${from + 1}\n`), keys)).toThrow(
        expect.objectContaining({ exitCode: 1 }),
      );
      if (from !== 41) expect(() => verifyProof(proof.replace(/(v1\n)\S+\n/, '$1'), keys)).toThrow('does not hold');
    }
    const other = await written();
    const [mine, theirs] = [await proveConsistency(path, 11, 22), await proveConsistency(other.path, 11, 22)];
    // The beginning of one log and the end of another.
    const mixed = `${mine.slice(0, mine.lastIndexOf('agentgov.log/'))}${theirs.slice(theirs.lastIndexOf('agentgov.log/'))}`;
    expect(() => verifyProof(mixed, keys)).toThrow('is not the beginning of the later one');
    await expect(proveConsistency(path, 12, 22)).rejects.toThrow('there are 11, 22, 33, 41');
    await expect(proveConsistency(path, 22, 11)).rejects.toMatchObject({ exitCode: 2 });
  });
});

describe('a log in several files', () => {
  it('has the same proofs, packed and pruned too', async () => {
    const path = join(folder(), 'audit.jsonl');
    const writer = await AuditWriter.open(path, { rotateBytes: 3000, checkpoints: { key, everyEvents: 10 } });
    for (let index = 0; index < 36; index += 1) writer.append(event(index));
    await writer.close();
    const files = (await filesOf(path)).sort();
    expect(files.length).toBeGreaterThan(4);
    const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(0, -1));
    execFileSync('gzip', [files[1] ?? '']);
    const held = async (from: number): Promise<void> => {
      for (let seq = from; seq <= lines.length; seq += 3)
        expect(verifyProof(await proveEvent(path, seq), keys)).toMatchObject({
          seq,
          line: Buffer.from(lines[seq - 1] ?? ''),
        });
    };
    await held(1);
    expect(verifyProof(await proveConsistency(path, 9, undefined), keys)).toMatchObject({
      from: 9,
      to: lines.length,
    });
    const { list } = await Digests.read(path);
    for (const digest of list.slice(0, -1)) {
      const gone = digest.last_seq;
      await addDigest(path, {
        removed: digest.file,
        first_seq: digest.first_seq,
        last_seq: gone,
        reason: 'test',
        timestamp: '',
      });
      for (const file of await filesOf(path)) if (file.includes(digest.file)) rmSync(file);
      await held(gone + 1);
      await expect(proveEvent(path, gone)).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringContaining('pruned'),
      });
      const sizes = [...readFileSync(`${path}.checkpoints`, 'utf8').matchAll(/^\d+$/gm)].map(([size]) => Number(size));
      for (const size of sizes.filter((own) => own >= gone))
        expect(verifyProof(await proveConsistency(path, size, undefined), keys)).toMatchObject({ from: size });
    }
  });
});

describe('the commands', () => {
  it('hand a proof from one to the other', async () => {
    const { path, lines } = await written();
    const file = join(folder(), 'p.tlog-proof');
    let out = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      out += String(chunk);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    const prove = (...args: string[]) => proveCommand().parseAsync(['node', 'prove', ...args]);
    const check = (...args: string[]) => verifyProofCommand().parseAsync(['node', 'verify-proof', ...args]);
    await prove(path, '7', '-o', file);
    expect(out).toBe('');
    await expect(prove(path, '7', '-o', file)).rejects.toMatchObject({ exitCode: 2 });
    await check(file, '--vkey', key.vkey);
    expect(out).toBe(`${lines[6]}\n`);
    out = '';
    await check(file, '--vkey', key.vkey, '--json');
    expect(JSON.parse(out)).toMatchObject({ kind: 'event', seq: 7, line: lines[6], signers: [key.vkey] });
    for (const args of [[path], [path, '7', '--from', '11'], [path, '0'], [path, 'x']]) {
      await expect(prove(...args)).rejects.toMatchObject({ exitCode: 2 });
    }
  });
});
