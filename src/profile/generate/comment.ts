/** What stands in a comment must not end it, nor hide in it: the loader refuses what is invisible anywhere. */
export const comment = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
