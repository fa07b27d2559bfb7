import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'tsup';

/** Puts a program that imports the audit room as './index.js' into a folder, with that room and its thread. Its path. */
export async function builtWithAudit(place: string, program: string): Promise<string> {
  const audit = new URL('../../../src/audit/', import.meta.url).pathname;
  await build({
    entry: { index: join(audit, 'index.ts'), 'audit-tree': join(audit, 'tree-worker.ts') },
    outDir: place,
    format: 'esm',
    platform: 'node',
    outExtension: () => ({ js: '.js' }),
    config: false,
    silent: true,
    clean: false,
  });
  writeFileSync(join(place, 'package.json'), '{"type": "module"}');
  const path = join(place, 'write.js');
  writeFileSync(path, program);
  return path;
}
