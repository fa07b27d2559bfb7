// Rules that are written alike: a policy of thousands is made by a machine, and most of them differ only in what they name.
//
// The YAML package reads one rule of each form, where it stands in the policy that is left without the others, and finds
// in it the places that may differ. There it must have a text of its own, for every other rule of that form is then the
// same with its own texts: what is written there can mean nothing else to YAML, whatever it says. A policy with a fault
// in it, or with anything of which that does not hold, is left to the package as a whole, which alone says what is wrong.
import { type Document, isMap, isScalar, isSeq } from 'yaml';
import { offsetAt, offsetOfKey, readDocument, type Step } from './document.js';

/** Below that the package alone is fast enough. */
const MANY = 100;

/** Words without quotes that are no text (YAML 1.2, 10.3.2). */
const NO_TEXT = /^(?:null|true|false)$/i;

/**
 * What may differ: a comment on a line of its own, text between double quotes (without an escape, on one line, no key),
 * and a name of letters and digits. Text between single quotes is left as it is, with the double ones in it.
 *
 * @param indent of the list. A line that is not indented deeper is in no text of an item.
 */
const differing = (indent: number): RegExp =>
  new RegExp(
    `^( {0,${indent}}#).*$|'[^'\\n]*'|"([^"\\\\\\p{Cc}]*)"(?!\\s*:)|(\\bname: )([A-Za-z_][\\w-]*)(?=[\\s,}])`,
    'gmu',
  );

/** One of the places that may differ: from where to where, what is said there, and what stands for it in a form. */
interface Place {
  readonly start: number;
  readonly end: number;
  /** A comment says nothing. */
  readonly says: string | undefined;
  readonly mark: string;
}

type Fill = (texts: readonly string[]) => unknown;

interface Form {
  /** Place among the forms: in the order in which they come first. */
  readonly index: number;
  /** The rule that the package reads, and the places in it that may differ. */
  readonly text: string;
  readonly places: readonly Place[];
}

interface Item {
  /** Offset of its line. */
  readonly start: number;
  readonly text: string;
  readonly form: Form;
  /** What it says at the places that may differ. */
  readonly texts: readonly string[];
}

/** A policy as a value, and the offset of each part, as in ./document.ts. */
export interface Alike {
  readonly value: unknown;
  at(path: readonly Step[]): number;
  atKey(path: readonly Step[], key: string): number;
}

/** Undefined for a policy that the package has to read as a whole. */
export function readAlike(text: string): Alike | undefined {
  const list = /^policies:(?: *(?:#.*)?\n)+( *)- /m.exec(text);
  if (list === null) return undefined;
  const indent = (list[1] ?? '').length;
  const from = list.index + list[0].length - indent - 2;
  const behind = text.slice(from).search(new RegExp(`^ {0,${indent}}[^\\s#-]`, 'm'));
  const to = behind < 0 ? text.length : from + behind;
  const pattern = differing(indent);
  const { items, forms } = itemsOf(text.slice(0, to), from, indent, pattern);
  if (items.length < MANY || forms.length > items.length / 2) return undefined;

  // The policy with one rule of each form.
  const starts: number[] = [];
  let few = text.slice(0, from);
  for (const form of forms) {
    starts.push(few.length);
    few += form.text;
  }
  const fewTo = few.length;
  const { document, faults } = readDocument(few + text.slice(to));
  if (faults.length > 0) return undefined;
  const fills = fillsOf(document, forms, starts);
  if (fills === undefined) return undefined;

  /** Offset in the whole text of what the package has found in an item of this form. */
  const inItem = (offset: number, { form, start, text }: Item): number => {
    const within = offset - (starts[form.index] ?? 0);
    const before = form.places.findLastIndex(({ end }) => end <= within);
    if (before < 0) return start + within;
    const end = (places: readonly Place[]): number => places[before]?.end ?? 0;
    return start + end(placesOf(text, pattern)) + within - end(form.places);
  };
  const whole = (path: readonly Step[], find: (path: readonly Step[]) => number): number => {
    const [key, index, ...rest] = path;
    const item = key === 'policies' && typeof index === 'number' ? items[index] : undefined;
    if (item !== undefined) return inItem(find(['policies', item.form.index, ...rest]), item);
    const offset = find(path);
    return offset < fewTo ? offset : offset - fewTo + to;
  };
  // Each rule is asked for the same few.
  const known = new Map<string, number>();
  const offsetOf = (path: readonly Step[]): number => {
    const key = path.join('\u0000');
    const offset = known.get(key) ?? offsetAt(document, path);
    known.set(key, offset);
    return offset;
  };
  return {
    value: {
      ...document.toJS(),
      policies: items.map(({ form, texts }) => fills[form.index]?.(texts)),
    },
    at: (path) => whole(path, offsetOf),
    atKey: (path, key) => whole(path, (of) => offsetOfKey(document, of, key)),
  };
}

/** The items of a list that begins at `from`, each with its own lines. */
function itemsOf(text: string, from: number, indent: number, pattern: RegExp): { items: Item[]; forms: Form[] } {
  const dash = `\n${' '.repeat(indent)}- `;
  const forms = new Map<string, Form>();
  const items: Item[] = [];
  for (let start = from; start < text.length; ) {
    const next = text.indexOf(dash, start);
    const end = next < 0 ? text.length : next + 1;
    const own = text.slice(start, end);
    const places = placesOf(own, pattern);
    const key = formOf(own, places);
    const form = forms.get(key) ?? { index: forms.size, text: own, places };
    forms.set(key, form);
    items.push({ start, text: own, form, texts: places.flatMap(({ says }) => says ?? []) });
    start = end;
  }
  return { items, forms: [...forms.values()] };
}

/** The text with a mark at each place that may differ. */
function formOf(text: string, places: readonly Place[]): string {
  let form = '';
  let from = 0;
  for (const { start, end, mark } of places) {
    form += text.slice(from, start) + mark;
    from = end;
  }
  return form + text.slice(from);
}

function placesOf(text: string, pattern: RegExp): Place[] {
  return [...text.matchAll(pattern)].flatMap(({ index, 0: all, 1: comment, 2: quoted, 3: before = '', 4: name }) => {
    const says = quoted ?? name;
    if ((says ?? comment) === undefined || (name !== undefined && NO_TEXT.test(name))) return [];
    // No text that is read has a control character in it.
    const mark = comment ?? (quoted === undefined ? '\u0001' : '\u0002');
    return [{ start: index + before.length, end: index + all.length, says, mark }];
  });
}

/** How a rule of each form is made of its texts; undefined where one of them is not a text of its own. */
function fillsOf(document: Document.Parsed, forms: readonly Form[], starts: readonly number[]): Fill[] | undefined {
  const list = document.get('policies', true);
  if (!isSeq(list) || list.items.length !== forms.length) return undefined;
  const fills: Fill[] = [];
  for (const { index, text, places } of forms) {
    const start = starts[index] ?? 0;
    const node = list.items[index];
    const [begins = 0, ends = 0] = (isMap(node) && node.range) || [];
    if (begins <= start || ends > start + text.length) return undefined;
    const texts = places.filter(({ says }) => says !== undefined);
    const found = new Set<number>();
    fills.push(
      filler(node, (from, to, value) => {
        const at = texts.findIndex((place) => place.start + start === from && place.end + start === to);
        if (at >= 0 && texts[at]?.says === value) found.add(at);
        return found.has(at) ? at : undefined;
      }),
    );
    if (found.size < texts.length) return undefined;
  }
  return fills;
}

/** @param placeOf which of the texts is written there. */
function filler(node: unknown, placeOf: (from: number, to: number, value: unknown) => number | undefined): Fill {
  if (isMap(node)) {
    const pairs = node.items.map(({ key, value }) => ({
      key: isScalar(key) ? String(key.value) : '',
      fill: filler(value, placeOf),
    }));
    return (texts) => Object.fromEntries(pairs.map(({ key, fill }) => [key, fill(texts)]));
  }
  if (isSeq(node)) {
    const fills = node.items.map((item) => filler(item, placeOf));
    return (texts) => fills.map((fill) => fill(texts));
  }
  if (!isScalar(node)) return () => null;
  const { value, range } = node;
  const at = range ? placeOf(range[0], range[1], value) : undefined;
  return at === undefined ? () => value : (texts) => texts[at];
}
