import { defineConfig } from 'tsup';

// Declarations come from tsc (tsconfig.build.json): it is the stricter of the two and one tool fewer in the bundle.
export default defineConfig({
  // The worker is a program of its own: src/audit/pool.ts starts it by this name.
  entry: { cli: 'src/cli.ts', index: 'src/index.ts', 'audit-worker': 'src/audit/worker.ts' },
  format: 'esm',
  target: 'node20',
  platform: 'node',
  splitting: true,
  clean: true,
  dts: false,
});
