// What was learned, in the languages of others. Each format is one file; what it cannot say is said.
import { comment } from '../generate/comment.js';
import type { Generated } from '../generate/generate.js';
import { apparmor } from './apparmor.js';
import { kubearmor, kubearmorHost } from './kubearmor.js';
import { networkPolicy } from './network-policy.js';
import type { Written } from './notes.js';
import { openshell } from './openshell.js';
import { seccomp } from './seccomp.js';
import type { Source } from './source.js';
import { srt } from './srt.js';
import { tetragon } from './tetragon.js';

const WRITERS = {
  kubearmor,
  'kubearmor-host': kubearmorHost,
  tetragon,
  seccomp,
  apparmor,
  srt,
  openshell,
  networkpolicy: networkPolicy,
} as const satisfies Record<string, (source: Source) => Written>;

export type Format = keyof typeof WRITERS;
export const FORMATS = Object.keys(WRITERS) as Format[];

export interface Formatted {
  readonly text: string;
  /**
   * How it is used, and what the format cannot say: one sentence each. They are at the top of the text as well, with every
   * name, where that can hold comments; where not, every name is here.
   */
  readonly notes: readonly string[];
}

/** A generated policy in another language. */
export function format(name: Format, { policy, head, agent, seen }: Generated): Formatted {
  const { body, notes, use, comment: mark } = WRITERS[name]({ agent, policy, seen });
  if (mark === undefined) return { text: body, notes: [...use, ...notes.whole] };
  const top = [...head, ...use, 'Where it differs from the policy:', ...notes.whole.map((note) => `  ${note}`)];
  return {
    text: `${top.map((line) => `${mark} ${comment(line)}\n`).join('')}${body}`,
    notes: [...use, ...notes.short],
  };
}
