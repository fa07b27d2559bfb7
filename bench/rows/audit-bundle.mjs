import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'tsup';
import { benchFolder, repository, temporaryFolder } from '../harness/index.mjs';

/**
 * The room src/audit as one module with its threads beside it, as the package has them: the library does not export
 * its writer.
 *
 * @returns {Promise<string>} the module's file
 */
export async function bundleAudit() {
  const outDir = temporaryFolder('audit');
  const source = (name) => join(repository, 'src', 'audit', name);
  await build({
    entry: { index: source('index.ts'), 'audit-tree': source('tree-worker.ts') },
    outDir,
    format: 'esm',
    platform: 'node',
    config: false,
    silent: true,
  });
  writeFileSync(join(outDir, 'package.json'), '{"type": "module"}');
  return join(outDir, 'index.js');
}

/**
 * Writes a log of sample events with a process of its own.
 *
 * @returns {{cpuMs: number, threadMs: number, wallMs: number}} as writer-child.mjs prints it
 */
export function writeSampleLog(bundle, log, events, ...key) {
  const child = join(benchFolder, 'rows', 'writer-child.mjs');
  return JSON.parse(execFileSync(process.execPath, [child, bundle, log, String(events), ...key], { encoding: 'utf8' }));
}
