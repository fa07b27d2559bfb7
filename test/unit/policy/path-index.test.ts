import { expect, it } from 'vitest';
import { PathIndex, type Placed } from '../../../src/policy/engine/path-index.js';
import { matchesPath, parsePath, split } from '../../../src/policy/pattern/path.js';
import { random, scaled } from '../../scale.js';

const placed = (order: number): Placed => ({ clause: {} as Placed['clause'], order });

it('finds the patterns that match, in their order, whatever they are made of', () => {
  const draw = random('path-index');
  const pick = (items: readonly string[]): string => items[Math.floor(draw() * items.length)] as string;
  const name = (): string => pick(['a', 'b', 'ab', 'home', 'root']);
  const component = (): string => pick([name(), name(), '*', 'a*', '*b', 'a*b', '**']);
  const list = (of: () => string): string =>
    Array.from({ length: 1 + Math.floor(draw() * 5) }, () => `/${of()}`).join('');
  for (let round = 0; round < scaled(300); round++) {
    const patterns = Array.from({ length: 40 }, () => parsePath(list(component), draw() < 0.2, ['/root', '/home/*']));
    const index = new PathIndex();
    const flat = patterns.flat();
    for (const [order, { components }] of flat.entries()) index.add(placed(order), components);
    for (let probe = 0; probe < 50; probe++) {
      const path = list(name);
      const wanted = flat.flatMap((pattern, order) => (matchesPath(pattern, split(path) ?? []) ? [order] : []));
      expect(index.find(path).map(({ order }) => order)).toEqual(wanted);
    }
  }
});

it('tries patterns that begin alike as one: 20,000 of them below every home folder', { timeout: 60_000 }, () => {
  const index = new PathIndex();
  for (let order = 0; order < 20_000; order++) {
    const [, pattern] = parsePath(`~/project/lib/module-${order}.js`, false, ['/root', '/home/*']);
    index.add(placed(order), pattern?.components ?? []);
  }
  let right = 0;
  for (let at = 0; at < 40_000; at++) {
    const [found, ...more] = index.find(`/home/ann/project/lib/module-${at}.js`);
    right += Number(found?.order === (at < 20_000 ? at : undefined) && more.length === 0);
  }
  expect(right).toBe(40_000);
});
