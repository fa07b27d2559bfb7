/** What stands in a comment must not end it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what would
export const comment = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
