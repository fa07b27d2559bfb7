import { inject } from './arithmetic.mjs';
import { HOMES } from './holdout.mjs';
import { product } from './product.mjs';
import { readEvents } from './recordings.mjs';

/**
 * How many of the attacks a policy stops: all their key events, blocked or held.
 *
 * @param {Array<{name: string, isKey: (event: object) => boolean}>} attacks
 * @param {Record<string, string>} logs the recording of each
 * @returns {Promise<{missed: string[], blocked: number, held: number}>} names, and attacks by the mildest answer to a key
 *   event; an attack of which one key event is allowed is missed
 */
export async function stopped(policy, run, attacks, logs, random) {
  const { Engine, PolicyRun } = await product();
  const along = new PolicyRun(new Engine(policy, { homes: HOMES }));
  const mildest = attacks.map(() => 'BLOCK');
  const parts = attacks.map(({ name }) => readEvents(logs[name]));
  for (const { event, attack } of inject(run, parts, random)) {
    const verdict = along.decide(event);
    if (attack === undefined || !attacks[attack].isKey(event)) continue;
    const action = verdict?.action ?? 'ALLOW';
    if (mildness(action) > mildness(mildest[attack])) mildest[attack] = action;
  }
  const of = (action) => attacks.filter((_, at) => mildest[at] === action).map(({ name }) => name);
  return { missed: of('ALLOW'), blocked: of('BLOCK').length, held: of('HUMAN_APPROVAL').length };
}

const mildness = (action) => ['BLOCK', 'HUMAN_APPROVAL', 'ALLOW'].indexOf(action);
