import { createInterface } from 'node:readline';
import { plainChain } from '../harness/plain-canonical.mjs';

/** Parse, canonicalise, hash, write: the whole path from loader to log as one would first write it. */
const next = plainChain();
let batch = '';
for await (const line of createInterface({ input: process.stdin })) {
  batch += `${next(JSON.parse(line))}\n`;
  if (batch.length > 65_536) {
    process.stdout.write(batch);
    batch = '';
  }
}
process.stdout.write(batch);
