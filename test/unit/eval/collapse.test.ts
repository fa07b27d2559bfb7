import { describe, expect, it } from 'vitest';
import { collapsePaths } from '../../../eval/harness/collapse.mjs';

const spell = (name: string): string => name;
const read = (...paths: string[]) => paths.map((path) => ({ path, verb: 'read' }));
const numbered = (count: number, of: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => of(at));
const patterns = (used: { path: string; verb: string }[], threshold: number) =>
  collapsePaths(used, spell, threshold).get('read');

describe('the plain collapse rule', () => {
  it('keeps a level that has as many children as the threshold, and makes one of more', () => {
    const three = numbered(3, (at) => `/a/f${at}`);
    expect(patterns(read(...three), 3)).toEqual(three);
    expect(patterns(read(...three), 2)).toEqual(['/a/*']);
  });

  it('unites what is below the children that it merges', () => {
    expect(patterns(read('/a/x/one', '/a/y/two', '/a/z/two'), 2)).toEqual(['/a/*/one', '/a/*/two']);
  });

  it('counts again after it has merged', () => {
    const used = read(...numbered(3, (at) => `/a/d${at}/only${at}`));
    expect(patterns(used, 2)).toEqual(['/a/**']);
  });

  it('makes any number of components of two wildcards side by side', () => {
    const used = read(...numbered(3, (at) => `/a/d${at}/e${at}/f${at}`), '/b/c');
    expect(patterns(used, 2)).toEqual(['/a/**', '/b/c']);
  });

  it('gives each verb the patterns of the one tree', () => {
    const used = [...read(...numbered(3, (at) => `/a/f${at}`)), { path: '/a/new', verb: 'create' }];
    expect(collapsePaths(used, spell, 2)).toEqual(
      new Map([
        ['read', ['/a/*']],
        ['create', ['/a/*']],
      ]),
    );
  });
});
