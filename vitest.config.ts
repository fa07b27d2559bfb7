import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Here and not in a test: the workers inherit it, so that one printed seed repeats the whole run (test/scale.ts).
process.env.AGENTGOV_SEED ??= String(randomInt(2 ** 31));
console.log(`seed ${process.env.AGENTGOV_SEED} (AGENTGOV_SEED=${process.env.AGENTGOV_SEED} repeats this run)`);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          globalSetup: ['test/support/temporary.ts'],
          // vitest leaves a core free, which of two cores is half of them, and these tests wait more than they work.
          maxWorkers: availableParallelism(),
          // No test is about how fast it is: on a machine that is busy with something else, five seconds are a verdict on that.
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'native',
          include: ['test/native/**/*.test.ts'],
          // Real kernel programs, real processes: one file at a time, so that no test measures another one's load.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
