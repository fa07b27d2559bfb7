// Which kernels boot in which way.
import { createHash } from 'node:crypto';
import { KERNELS } from './kernels.mjs';

/**
 * How a kernel is booted, and which tier agentgov must then run in. `hook` is a machine without `bpf` in lsm=, as most
 * are; `hook-full` the same on a preemptible kernel, where fmod_ret programs can be skipped; `observe` is what is left
 * when agentgov is told so. lsm/ and fmod_ret/ programs are entries of the same `handlers`.
 */
export const VARIANTS = [
  { name: 'lsm', tier: 'lsm', handlers: 'hooks' },
  { name: 'hook', tier: 'hook', handlers: 'hooks' },
  // 5.10 has no choice of preemption at boot time.
  { name: 'hook-full', tier: 'hook', handlers: 'hooks', preempt: 'full', notOn: ['5.10'] },
  { name: 'observe', tier: 'observe', handlers: 'tracepoints' },
];

export const kernelNames = KERNELS.map(({ name }) => name);
export const variantNames = VARIANTS.map(({ name }) => name);

/** The boots for these kernels and variants, kernel by kernel. */
export function boots(kernels, variants) {
  return KERNELS.filter(({ name }) => kernels.includes(name)).flatMap((kernel) =>
    VARIANTS.filter(({ name, notOn }) => variants.includes(name) && !notOn?.includes(kernel.name)).map((variant) => ({
      kernel: kernel.name,
      variant,
    })),
  );
}

/**
 * What `npm test` runs of a plan ([{ kernel, variant, tests }]): of the boots of one kernel in which the same handlers
 * run, one runs a test whose `per` is `handlers`, chosen by the seed. Every boot runs the others.
 */
export function sampled(plan, seed) {
  const runsIn = (test, boot) => {
    if (test.per === 'boot') return true;
    const alike = plan.filter(
      ({ kernel, variant, tests }) =>
        kernel === boot.kernel && variant.handlers === boot.variant.handlers && tests.includes(test),
    );
    const label = `${seed} ${test.name} ${boot.kernel.name} ${boot.variant.handlers}`;
    return alike[createHash('sha256').update(label).digest().readUInt32LE(0) % alike.length] === boot;
  };
  return plan.map((boot) => ({ ...boot, tests: boot.tests.filter((test) => runsIn(test, boot)) }));
}
