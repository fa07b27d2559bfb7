// Holds a value against the JSON Schema, and says what is wrong in words with a place.
import { Ajv, type ErrorObject, type SchemaValidateFunction, type ValidateFunction } from 'ajv';
import { POLICY_SCHEMA, type Schema } from './schema.js';
import type { Source } from './source.js';
import { didYouMean, nearest } from './suggest.js';
import type { Problem } from './types.js';

let compiled: ValidateFunction | undefined;

/** Compiled once, and only when a policy is loaded. That the schema is one itself is tested, and not found out each time. */
function validator(): ValidateFunction {
  const options = { allErrors: true, strict: true, verbose: true, allowUnionTypes: true };
  compiled ??= new Ajv({ ...options, meta: false, validateSchema: false })
    .removeKeyword('uniqueItems')
    .addKeyword({ keyword: 'uniqueItems', type: 'array', errors: true, validate: namesNothingTwice })
    .compile(POLICY_SCHEMA);
  return compiled;
}

/** Ajv's own holds each item against all others where they may be of several types, as ports are. */
const namesNothingTwice: SchemaValidateFunction = (isAsked: boolean, items: readonly unknown[]) => {
  const seen = new Set<string>();
  const twice = items.findIndex((item) => {
    const text = JSON.stringify(item);
    return seen.has(text) || !seen.add(text);
  });
  namesNothingTwice.errors = [{ keyword: 'uniqueItems', params: { i: twice } }];
  return !isAsked || twice < 0;
};

const MAX_SHOWN = 60;
/** Nobody mends more at once, and each is held against the others. What is wrong beyond these is said when they are mended. */
const MAX_ERRORS = 1000;

/** A value as it may be quoted in a message. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** `/policies/0/match` as steps. */
const steps = (pointer: string): (string | number)[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a map of keys',
  string: 'text',
  integer: 'a whole number',
  boolean: 'true or false',
};

function wrongType(error: ErrorObject, where: string): string {
  const { data, params } = error;
  const wanted = String(params.type);
  if (data === null) return `${where} has no value`;
  if (wanted === 'array' && typeof data !== 'object') return `${where} is a list: write [${quote(data)}]`;
  if (wanted === 'string' && typeof data !== 'object') return `${where} is text: write "${String(data)}" in quotes`;
  return `${where} is ${TYPES[wanted] ?? wanted}, not ${quote(data)}`;
}

function describe(error: ErrorObject, path: readonly (string | number)[]): string {
  const named = [...path].reverse().find((step) => typeof step === 'string');
  const where = named === undefined ? 'a policy' : `"${named}"`;
  const { params, data } = error;
  switch (error.keyword) {
    case 'type':
      return wrongType(error, where);
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).map(String);
      return `${where} does not know ${quote(data)}${typeof data === 'string' ? didYouMean(data, allowed) : ''} (it takes ${allowed.join(', ')})`;
    }
    case 'const':
      return `${where} must be ${quote(params.allowedValue)}${typeof data === 'string' ? '' : ', in quotes'}`;
    case 'required':
      return `"${String(params.missingProperty)}" is missing ${named === undefined ? 'in the policy' : 'here'}`;
    case 'minItems':
      return `${where} is empty and would match nothing: name something, or leave the key out`;
    case 'uniqueItems':
      return `${where} names ${quote((data as unknown[])[Number(params.i)])} twice`;
    case 'minLength':
      return `${where} is empty`;
    case 'pattern':
      return `${where} does not take ${quote(data)}${FORMS[named ?? ''] ?? ''}`;
    default:
      return `${where} ${error.message ?? 'is wrong'}`;
  }
}

/** What the patterns of the schema ask for. */
const FORMS: Readonly<Record<string, string>> = {
  max: ': write a number of operations and second, minute, hour or day, as "20/minute"',
  port: ': write a port or a range, as 443 or "8000-8100"',
  protocol: ': write it in small letters, as tcp or udp',
};

function unknownKey(error: ErrorObject, path: readonly (string | number)[], source: Source): Problem {
  const key = String(error.params.additionalProperty);
  const { properties } = error.parentSchema as Schema;
  const known = Object.keys(properties ?? {});
  const guess = nearest(key, known);
  const where =
    path.length === 0
      ? 'a policy'
      : path.at(-1) === 'match'
        ? '"match"'
        : path[0] === 'policies'
          ? 'a rule'
          : `"${String(path[0])}"`;
  const known_ = guess === undefined ? `; it knows ${known.join(', ')}` : `; did you mean "${guess}"?`;
  return { ...source.atKey(path, key), message: `${where} has no key "${key}"${known_}` };
}

/** Every fault of the value's shape, in the order of the file. */
export function checkShape(source: Source): Problem[] {
  const validate = validator();
  if (validate(source.value)) return [];
  const errors = (validate.errors ?? []).slice(0, MAX_ERRORS);
  // An item that fits no alternative is one fault, not one for each alternative.
  const alternatives = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath);
  const says = (keyword: string, path: string): boolean =>
    errors.some((other) => other.keyword === keyword && other.instancePath === path);
  const problems = errors
    .filter(({ keyword, instancePath, schemaPath }) =>
      keyword === 'anyOf'
        ? true
        : !alternatives.some((one) => instancePath.startsWith(one) && schemaPath.includes('/anyOf/')),
    )
    // One sentence for one value: the one that says what to write.
    .filter(
      ({ keyword, instancePath }) =>
        !(keyword === 'type' && says('const', instancePath)) &&
        !(keyword === 'pattern' && says('minLength', instancePath)),
    )
    .map((error): Problem => {
      const path = steps(error.instancePath);
      if (error.keyword === 'additionalProperties') return unknownKey(error, path, source);
      if (error.keyword !== 'anyOf') return { ...source.at(path), message: describe(error, path) };
      const named = [...path].reverse().find((step) => typeof step === 'string');
      const form =
        named === 'port'
          ? ': write a port or a range, as 443 or "8000-8100"'
          : ': write {webhook: URL}, {syslog: local} or {command: [PROGRAM, ARGUMENT]}';
      return { ...source.at(path), message: `"${String(named)}" does not take ${quote(error.data)}${form}` };
    });
  return problems;
}
