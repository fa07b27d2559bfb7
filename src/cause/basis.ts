import type { CAUSES } from '../events/index.js';

export type Basis = (typeof CAUSES)[number];

/** What it rests on that a tool call explains an event, and how sure that makes it. */
export const BASES = {
  command: 'sure: the call asks for this command',
  address: 'sure: its arguments name this address',
  path: 'sure: its arguments name this file',
  body: 'sure: the request carries the arguments of the call',
  url: 'sure: its arguments name what was asked for, and where',
  name: 'likely: its arguments name a file that is called so, not in which folder',
  values: 'likely: all values of its arguments are in the request',
  process: 'likely: the call explains the process that did it, or one above it',
} as const satisfies Record<Basis, string>;

/** The fields of an event that a call explains. */
export interface Cause {
  readonly cause_seq: number;
  readonly cause_by: Basis;
}
