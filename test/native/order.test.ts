// The order of a log is the order in which things happened, over all processes and CPUs.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { evidence } from '../evidence.js';
import { scaled } from '../scale.js';
import { canary, monitored, program, scratch } from '../support/index.js';

const folder = scratch();

it('is the order of a number that eight processes count under one lock', { timeout: 120_000 }, async () => {
  const steps = scaled(80_000);
  const marks = join(folder, canary());
  mkdirSync(marks);
  const session = await monitored([program('counter'), marks, '8', String(steps)], { timeout: 110_000 });
  expect(session.code, session.stderr).toBe(0);
  const seen = session.events.filter(({ path }) => path?.startsWith(`${marks}/`));
  const numbers = seen.map(({ path = '' }) => Number(path.slice(marks.length + 1)));
  const turns = numbers.findIndex((number, index) => number !== index + 1);
  const around = turns < 0 ? [] : seen.slice(Math.max(0, turns - 2), turns + 3);
  expect(around, `not in order from ${turns}`).toEqual([]);
  expect(numbers.length).toBe(steps);
  // An odd number was not there to be opened.
  expect(seen.filter(({ errno }, index) => (errno === 2) !== (index % 2 === 0))).toEqual([]);
  expect(seen.filter(({ late }) => late)).toEqual([]);
  const takers = new Set(seen.map(({ pid }) => pid));
  expect(takers.size).toBe(8);
  evidence('order', { steps, processes: takers.size, out_of_order: 0 });
});
