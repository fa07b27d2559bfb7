/**
 * A copy of a text that is to be kept: V8 makes a part of a string a view of the whole, which then stays in memory as long
 * as the part does. What is parsed is a string of its own.
 */
export const ownText = (text: string): string => JSON.parse(JSON.stringify(text)) as string;
