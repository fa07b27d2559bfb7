import { createHash } from 'node:crypto';

/**
 * The canonical form and the chain, written the plain way: what a few lines of Node cost, and an independent maker of
 * logs. Deliberately not the product's own code.
 */

/** Python's json.dumps(event, sort_keys=True) for flat events of strings, booleans, integers and arrays of strings. */
export function plainCanonical(event) {
  const members = Object.keys(event)
    .sort()
    .map((key) => `"${key}": ${value(event[key])}`);
  return `{${members.join(', ')}}`;
}

function value(item) {
  if (Array.isArray(item)) return `[${item.map(value).join(', ')}]`;
  return JSON.stringify(item).replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Chains events; each call gives the next line, without its LF. */
export function plainChain() {
  let previous = '0'.repeat(64);
  let seq = 0;
  return (event) => {
    const body = { ...event, seq: ++seq, hash_prev: previous };
    previous = createHash('sha256').update(plainCanonical(body)).digest('hex');
    return plainCanonical({ ...body, hash_self: previous });
  };
}
