// Which kernels boot in which way.
import { createHash } from 'node:crypto';
import { KERNELS } from './kernels.mjs';

/**
 * How a kernel is booted, and which tier agentgov must then run in. `hook` is a machine without `bpf` in lsm=, as most
 * are; `hook-full` the same on a preemptible kernel, where fmod_ret programs can be skipped; `observe` is what is left
 * when agentgov is told so. Two are for tests that name them: `lsm-full`, and `lsm-counted`, whose clock counts instructions,
 * so that figures do not depend on what else this machine does. lsm/ and fmod_ret/ programs are entries of the same
 * `handlers`. Of the boots that are `rare`, npm test has one.
 */
export const VARIANTS = [
  { name: 'lsm', tier: 'lsm', handlers: 'hooks' },
  { name: 'hook', tier: 'hook', handlers: 'hooks' },
  // 5.10 has no choice of preemption at boot time.
  { name: 'hook-full', tier: 'hook', handlers: 'hooks', preempt: 'full', notOn: ['5.10'], rare: true },
  { name: 'lsm-full', tier: 'lsm', handlers: 'hooks', preempt: 'full', notOn: ['5.10'], byName: true },
  { name: 'lsm-counted', tier: 'lsm', handlers: 'hooks', counted: true, byName: true },
  { name: 'observe', tier: 'observe', handlers: 'tracepoints', rare: true },
];

export const kernelNames = KERNELS.map(({ name }) => name);
export const variantNames = VARIANTS.map(({ name }) => name);
/** Those that a test runs in which names none. */
export const usualVariants = VARIANTS.filter(({ byName }) => !byName).map(({ name }) => name);

/** The boots for these kernels and variants, kernel by kernel. */
export function boots(kernels, variants) {
  return KERNELS.filter(({ name }) => kernels.includes(name)).flatMap((kernel) =>
    VARIANTS.filter(({ name, notOn }) => variants.includes(name) && !notOn?.includes(kernel.name)).map((variant) => ({
      kernel: kernel.name,
      variant,
    })),
  );
}

/** A number from these words. */
const hashOf = (...words) => createHash('sha256').update(words.join(' ')).digest().readUInt32LE(0);

/** As many of these as there are places, chosen by a number for each. */
const draw = (list, places, number) => list.toSorted((a, b) => number(a) - number(b)).slice(0, Math.ceil(places));

/**
 * What `npm test` runs of a plan ([{ kernel, variant, tests }]), for it has 15 minutes. Of the boots that are `rare` it
 * is one, by the seed. A test whose `per` is `handlers` runs in one of the boots of a kernel that have the same
 * handlers, one whose `per` is `run` in one boot of all, chosen by the seed; of those with `turn` every tenth one does,
 * by the seed too, and of those with `full` none; the others run in each boot.
 */
export function sampled(everything, seed) {
  const rare = everything.filter(({ variant }) => variant.rare);
  const [rarity] = draw(rare, 1, ({ kernel, variant }) => hashOf(seed, kernel, variant.name));
  const plan = everything.filter((boot) => !boot.variant.rare || boot === rarity);
  const byTurn = [...new Set(plan.flatMap(({ tests }) => tests.filter(({ per }) => per === 'turn')))];
  const due = draw(byTurn, byTurn.length / 10, ({ name }) => hashOf(seed, name));
  const runsIn = (test, boot) => {
    if (test.per === 'boot') return true;
    if (test.per === 'full' || (test.per === 'turn' && !due.includes(test))) return false;
    const isLike = ({ kernel, variant }) =>
      test.per !== 'handlers' || (kernel === boot.kernel && variant.handlers === boot.variant.handlers);
    const alike = plan.filter((other) => isLike(other) && other.tests.includes(test));
    const place = test.per === 'handlers' ? [boot.kernel, boot.variant.handlers] : [];
    return alike[hashOf(seed, test.name, ...place) % alike.length] === boot;
  };
  const chosen = plan.map((boot) => ({ ...boot, tests: boot.tests.filter((test) => runsIn(test, boot)) }));
  return chosen.filter(({ tests }) => tests.length > 0);
}
