// AUDIT.tip: where the log stands, kept outside of it, so that a cut tail, a replaced last line, a rewrite and a wipe
// show. It is written after each fdatasync of the log and never says more than is durable there.
//
// Two places of 512 bytes are written in turn, so that a crash in the middle of one leaves the other. Each is one
// canonical JSON record with a checksum, filled up with spaces and ended by LF.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { usageError } from '../errors.js';
import { syncFolder } from '../folders.js';
import { isCount, isHash } from '../untrusted.js';
import { canonical } from './canonical.js';
import { GENESIS, sha256, type Tip } from './chain.js';
import { codeOf, readBeside } from './files.js';

const PLACE = 512;
/** Far more than two places: what is longer was never a tip file. */
const LARGEST = 2 ** 16;

export const tipPath = (log: string): string => `${log}.tip`;

export interface TipRecord extends Tip {
  /** Bytes of the log's (newest) file up to the end of that line. */
  readonly size: number;
  /** `hash_self` of the log's first line, which names the log; GENESIS for an empty one. */
  readonly log: string;
  /** The writer has ended in good order: nothing follows. */
  readonly closed: boolean;
}

/** @throws AgentgovError (usage) when there is a tip file and nothing in it can be trusted. */
export async function readTip(log: string): Promise<TipRecord | undefined> {
  let text: string;
  try {
    text = (await readBeside(tipPath(log), LARGEST)).toString('latin1');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw usageError(`cannot read ${tipPath(log)} (${code}): move it away to go on without it`, error);
  }
  // Made, and the machine failed before the first record.
  if (text === '') return undefined;
  const records = [text.slice(0, PLACE), text.slice(PLACE, 2 * PLACE)]
    .map(parse)
    .filter((record) => record !== undefined);
  const [first, second] = records;
  if (first === undefined) throw new BrokenTip(log);
  return second === undefined || isNewer(first, second) ? first : second;
}

/** A tip file of which no record is whole. */
export class BrokenTip extends Error {
  constructor(log: string) {
    super(`${tipPath(log)} is damaged`);
  }
}

const isNewer = (a: TipRecord, b: TipRecord): boolean =>
  a.count > b.count || (a.count === b.count && a.closed && !b.closed);

const checkOf = ({ closed, count, hash, log, size }: TipRecord): string =>
  sha256(`agentgov tip\n${count}\n${hash}\n${size}\n${log}\n${closed}\n`).slice(0, 16);

function parse(text: string): TipRecord | undefined {
  let record: (TipRecord & { check: string }) | null;
  try {
    record = JSON.parse(text) as typeof record;
  } catch {
    return undefined;
  }
  // Its checksum is no secret: whoever may write here may give a record any values, and these become offsets in the log.
  if (!isRecord(record) || record.check !== checkOf(record)) return undefined;
  const { closed, count, hash, log, size } = record;
  return { closed, count, hash, log, size };
}

const isRecord = <Record extends TipRecord>(value: Record | null): value is Record =>
  isCount(value?.count) &&
  isCount(value?.size) &&
  isHash(value?.hash) &&
  isHash(value?.log) &&
  typeof value?.closed === 'boolean';

export class TipFile {
  #place = 0;
  private constructor(readonly file: FileHandle) {}

  /** For the writer that holds the log's lock. */
  static async open(log: string): Promise<TipFile> {
    const path = tipPath(log);
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      const { size } = await file.stat();
      if (size === 0) await syncFolder(dirname(path));
      const tip = new TipFile(file);
      // The newer record must outlive the next write.
      const text =
        size === 0 ? '' : (await file.read(Buffer.alloc(2 * PLACE), 0, 2 * PLACE, 0)).buffer.toString('latin1');
      const [first, second] = [parse(text.slice(0, PLACE)), parse(text.slice(PLACE))];
      if (first && !(second && isNewer(second, first))) tip.#place = 1;
      return tip;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Resolves when it is durable. */
  async write(record: TipRecord): Promise<void> {
    const { closed, count, hash, log, size } = record;
    const text = canonical({ check: checkOf(record), closed, count, hash, log, size });
    await this.file.write(Buffer.from(`${text.padEnd(PLACE - 1)}\n`), 0, PLACE, this.#place * PLACE);
    await this.file.datasync();
    this.#place = 1 - this.#place;
  }

  /**
   * Takes back that the writer has ended: before the first line of the next one, or a crash right behind that line
   * would look like an addition to a closed log. Both places, because of two equal counts the closed one is believed.
   */
  async reopen(record: TipRecord): Promise<void> {
    for (let place = 0; place < 2; place += 1) await this.write({ ...record, closed: false });
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

export const emptyTip: TipRecord = { count: 0, hash: GENESIS, size: 0, log: GENESIS, closed: false };
