import { expect, it } from 'vitest';
import { faultOf, placeAt, placeOf } from '../../../src/profile/json-place.js';
import { random } from '../../scale.js';

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

it('finds the value at a path, whatever the layout is', () => {
  const text = '{"a": [1, {"b\\"]}": "x,]}", "c":\n  [true,null,\n "here"]}], "d" : {}}';
  const at = (...path: (string | number)[]): string => placeAt(text, path);
  expect(at()).toBe('1:1');
  expect(at('a', 0)).toBe('1:8');
  expect(at('a', 1, 'b"]}')).toBe('1:21');
  expect(at('a', 1, 'c', 2)).toBe('3:2');
  expect(at('d')).toBe(`3:${' "here"]}], "d" : '.length + 1}`);
  // The nearest that there is.
  expect(at('a', 7, 'x')).toBe('1:7');
  expect(at('none')).toBe('1:1');
});

it.each([
  ['', 0],
  ['{', 1],
  ['{"a":1,}', 7],
  ['[1,]', 3],
  ['[1 2]', 3],
  ['{"a" 1}', 5],
  ['{a:1}', 1],
  ['[01]', 2],
  ['["a\nb"]', 1],
  ['[1]]', 3],
  ['nul', 0],
  ['[1}', 2],
])('%j stops being JSON at %d', (text, offset) => {
  expect(faultOf(text)).toBe(offset);
});

it('takes a text for JSON as JSON.parse does, after any change of a character', () => {
  const draw = random('json-place');
  const text = JSON.stringify({ a: [1, -2.5e3, 'x\\"y', true, null, {}], b: { c: [], d: [[{ e: 'é' }]] } });
  for (let round = 0; round < 3000; round++) {
    const at = Math.floor(draw() * text.length);
    const put = '{}[],:"\\01-.ex '[Math.floor(draw() * 15)] ?? '';
    const changed = text.slice(0, at) + put + text.slice(at + Math.floor(draw() * 2));
    if (isJson(changed)) expect(faultOf(changed)).toBe(changed.length);
    else {
      const fault = faultOf(changed);
      // What is before the fault can still become JSON, and with the fault nothing can.
      expect(isJson(changed.slice(0, fault + 1))).toBe(false);
      expect(placeOf(changed, fault)).toBe(`1:${fault + 1}`);
    }
  }
});
