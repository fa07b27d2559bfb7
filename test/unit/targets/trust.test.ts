import type { Stats } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { trustWarnings, writableBy } from '../../../src/targets/index.js';

const agent = { uid: 1000, gid: 1000, groups: [1000, 27] };
const stat =
  (table: Record<string, { uid?: number; gid?: number; mode: number; file?: boolean }>) =>
  (path: string): Stats => {
    const entry = table[path] ?? { mode: 0o755 };
    return { uid: 0, gid: 0, ...entry, isDirectory: () => entry.file !== true } as unknown as Stats;
  };

describe('writableBy', () => {
  it.each([
    ['nothing where only root can write', {}, []],
    ['a file of the agent, whatever its mode', { '/opt/ag/x': { uid: 1000, mode: 0o444, file: true } }, ['/opt/ag/x']],
    ['a file that everyone can write', { '/opt/ag/x': { mode: 0o666, file: true } }, ['/opt/ag/x']],
    ['a file of one of its groups', { '/opt/ag/x': { gid: 27, mode: 0o664, file: true } }, ['/opt/ag/x']],
    ['not one of another group', { '/opt/ag/x': { gid: 99, mode: 0o664, file: true } }, []],
    ['a parent folder of the agent', { '/opt': { uid: 1000, mode: 0o755 } }, ['/opt']],
    ['not a sticky folder that everyone can write', { '/opt': { mode: 0o1777 } }, []],
    ['a folder that everyone can write', { '/opt/ag': { mode: 0o777 } }, ['/opt/ag']],
    ['not where the group is denied what others may', { '/opt/ag/x': { gid: 27, mode: 0o606, file: true } }, []],
  ])('finds %s', (_name, table, expected) => {
    expect(writableBy(agent, ['/opt/ag/x'], stat(table))).toEqual(expected);
  });
});

describe('trustWarnings', () => {
  it('warns of root once, and of nobody who cannot write', () => {
    const root = { uid: 0, gid: 0, groups: [] };
    expect(trustWarnings([root, root], ['/'])).toEqual([expect.stringMatching(/runs as root/)]);
    expect(trustWarnings([{ uid: 65534, gid: 65534, groups: [] }], ['/proc/version'])).toEqual([]);
  });

  it('names the path and the user', () => {
    const uid = process.getuid?.() ?? 0;
    const own = { uid: uid === 0 ? 12345 : uid, gid: 12345, groups: [] };
    expect(trustWarnings([own], ['/dev/null'])[0]).toMatch(/uid 12345.*\/dev\/null is writable|uid \d+/);
  });
});
