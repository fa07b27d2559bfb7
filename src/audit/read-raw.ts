// The lines of a log for those who want them whether or not they hold.
import { usageError } from '../errors.js';
import { MAX_LINE } from './chain.js';
import { inOrder, type LogFiles } from './log-files.js';
import { openSource } from './source.js';

/** Whole lines of one file, many at a time; of a file that ends without a line end the last one has none either. */
export interface RawLines {
  readonly path: string;
  /** Valid until the next are asked for. */
  readonly bytes: Buffer;
}

/**
 * The lines of a log's files in the order of the log, packed or not, in bounded memory; nothing is checked. One file alone
 * may be a pipe.
 *
 * @throws AgentgovError (usage) when a line is too long for a log, or a packed file is damaged; system errors as they are.
 */
export async function* readRaw({ files }: LogFiles): AsyncGenerator<RawLines> {
  const paths = files.length === 1 ? files : (await inOrder(files)).map(({ path }) => path);
  for (const path of paths) {
    const source = await openSource(path);
    try {
      for await (const { bytes, kind } of source.blocks(0)) {
        if (kind === 'overlong')
          throw usageError(`${path} has a line of more than ${MAX_LINE} bytes: it is no audit log`);
        if (kind === 'damaged') throw usageError(`${path} cannot be unpacked to its end: give one that is whole`);
        yield { path, bytes };
      }
    } finally {
      await source.close();
    }
  }
}
