/** Types of arithmetic.mjs, for the test that checks it. */
export interface Share {
  findings: number;
  events: number;
  share: number;
}
export interface Score {
  decided: number;
  blocked: Share;
  held: Share;
  listed: Share;
}
export interface Spread {
  median: number;
  worst: number;
}
export function learnedFrom(heldOut: number, count: number, runs: number): number[];
export function score(result: {
  decided: number;
  findings: { verdict: { action: string; name: string }; events: number }[];
}): Score;
export function summary(scores: Score[]): { share: Spread; findings: Spread; listed: Spread };
export function inject<Event extends { event_type: string; pid?: number }>(
  run: Event[],
  attacks: Event[][],
  random: () => number,
): { event: Event; attack?: number }[];
