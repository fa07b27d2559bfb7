import { describe, expect, it } from 'vitest';
import { BulkFilter } from '../../../src/engine/bulk.js';
import { eventLine } from '../bpf/double.mjs';

const SECRET = `sk-ant-api03-${'Ab1-'.repeat(20)}`;
const open = (fields: Record<string, unknown> = {}): string =>
  eventLine('a', {
    event_type: 'file_open',
    access: 'read',
    flags: ['O_RDONLY'],
    path: '/data/x',
    syscall: 'openat',
    ...fields,
  });

describe('BulkFilter', () => {
  it.each(['file_open', 'file_create', 'file_delete', 'file_truncate', 'file_attr', 'process_fork', 'process_exit'])(
    'lets %s through, again and again',
    (event_type) => {
      const filter = new BulkFilter();
      for (let n = 0; n < 30; n++) {
        const path = event_type.startsWith('file') ? { path: `/data/${n}` } : {};
        expect(filter.isBulk(eventLine('a', { event_type, comm: `c${n % 12}`, ...path }))).toBe(true);
      }
    },
  );

  it.each([
    ['another type', open({ event_type: 'process_exec' })],
    ['a verdict', open({ action: 'BLOCKED' })],
    ['a secret in its path', open({ path: `/x/${SECRET}` })],
    ['a secret in its thread name', open({ comm: SECRET })],
    ['a secret in its executable', open({ exe: `/x/${SECRET}` })],
    ['a secret in its value', open({ event_type: 'file_attr', value: `token=${SECRET}` })],
    ['a type that is only in a path', open({ event_type: 'mount', path: '/"event_type": "file_open"' })],
    ['a type that is only in a name', open({ event_type: 'mount', comm: '"event_type": "file_open"' })],
    ['no pid', open().replace('"pid": 4242, ', '').replace('"ppid": 1, ', '')],
  ])('holds back what has %s, at first sight and after its like', (_name, line) => {
    expect(new BulkFilter().isBulk(line)).toBe(false);
    const used = new BulkFilter();
    for (let n = 0; n < 3; n++) {
      expect(used.isBulk(open({ path: `/y/${n}` }))).toBe(true);
      expect(used.isBulk(open({ event_type: 'file_attr', value: '0755' }))).toBe(true);
      expect(used.isBulk(line)).toBe(false);
    }
  });

  it('is not misled by keys inside of names', () => {
    const path = `/"pid": 1, "uid": 2, "hash_prev": "${SECRET}"`;
    expect(new BulkFilter().isBulk(open({ path }))).toBe(false);
    expect(new BulkFilter().isBulk(open({ comm: '"hash_prev": ', path: `/${SECRET}` }))).toBe(false);
    expect(new BulkFilter().isBulk(open({ comm: '"hash_prev": ', path: '/harmless' }))).toBe(true);
  });
});
