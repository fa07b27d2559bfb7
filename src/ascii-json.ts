/** JSON in ASCII: what a reader of lines may take for the end of one (U+2028, U+0085) is escaped like the rest. */
export const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
