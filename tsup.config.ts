import { defineConfig } from 'tsup';

// Declarations come from tsc (tsconfig.build.json): it is the stricter of the two and one tool fewer in the bundle.
export default defineConfig({
  // The workers are programs of their own: src/audit/pool.ts and tree-thread.ts start them by these names.
  entry: {
    cli: 'src/cli.ts',
    index: 'src/index.ts',
    'audit-worker': 'src/audit/worker.ts',
    'audit-tree': 'src/audit/tree-worker.ts',
  },
  format: 'esm',
  target: 'node20',
  platform: 'node',
  splitting: true,
  clean: true,
  dts: false,
});
