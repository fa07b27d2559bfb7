// Which kernels boot in which way.
import { KERNELS } from './kernels.mjs';

/**
 * How a kernel is booted, and which tier agentgov must then run in. `hook` is a machine without `bpf` in lsm=, as most
 * are; `hook-full` the same on a preemptible kernel, where fmod_ret programs can be skipped; `observe` is what is left
 * when agentgov is told so.
 */
export const VARIANTS = [
  { name: 'lsm', tier: 'lsm' },
  { name: 'hook', tier: 'hook' },
  // 5.10 has no choice of preemption at boot time.
  { name: 'hook-full', tier: 'hook', preempt: 'full', notOn: ['5.10'] },
  { name: 'observe', tier: 'observe' },
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
