import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folder, hashOf, logFile, makeLines } from './logs.js';

describe('docs/audit-format.md', () => {
  it('prints a verifier that works', () => {
    const page = readFileSync(new URL('../../../docs/audit-format.md', import.meta.url), 'utf8');
    const program = join(folder(), 'verifier.py');
    writeFileSync(program, /```python\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
    const run = (lines: string[]) => spawnSync('python3', [program, logFile(lines)], { encoding: 'utf8' });

    const lines = makeLines(50);
    const line = lines[20] ?? '';
    expect(run(lines).stdout).toBe(`50 events, last hash ${hashOf(lines[49] ?? '')}\n`);
    expect(run(lines.with(20, line.replace('docs', 'dogs'))).stderr).toContain('line 21: hash_self');
    expect(run(lines.with(20, `${line} `)).stderr).toContain('line 21: not canonical');
    expect(run(lines.toSpliced(20, 1)).stderr).toContain('line 21: seq');
  });
});
