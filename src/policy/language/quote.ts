/** A value as JSON, which YAML reads; what a terminal would obey or hide is written as an escape. */
export const quote = (value: string | number): string =>
  JSON.stringify(value).replace(/[^ -~\p{L}\p{N}]/gu, (char) =>
    [...Array(char.length).keys()].map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
