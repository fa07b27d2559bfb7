import { resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import { bundledNotices } from './scripts/bundled-notices.js';

/**
 * Everything is in it, because each file that Node must find, read and link costs a millisecond, and without
 * what comments and indentation cost to parse. Names stay, for stack traces. Packages that are not modules ask for
 * Node's own ones by `require`.
 */
const whole: Options = {
  format: 'esm',
  target: 'node20',
  platform: 'node',
  // Declarations come from tsc (tsconfig.build.json): it is the stricter of the two and one tool fewer in the bundle.
  dts: false,
  noExternal: [/./],
  banner: { js: 'const require = process.getBuiltinModule;' },
  esbuildPlugins: [bundledNotices()],
  esbuildOptions(options) {
    options.minifyWhitespace = true;
    options.minifySyntax = true;
  },
};

/** Leaves the command `monitor` to the bundle of its own beside this one. */
const monitorApart: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'monitor-apart',
  setup(build) {
    build.onResolve({ filter: /^\.\/commands\/monitor\.js$/ }, () => ({ path: resolve('src/monitor-bundle.ts') }));
  },
};

export default defineConfig([
  {
    ...whole,
    entry: { cli: 'src/cli.ts' },
    splitting: true,
    esbuildPlugins: [monitorApart, bundledNotices()],
  },
  // One file, and none that it shares with other commands: its start is what a user pays for each agent. A function, for
  // src/code-cache.ts to run.
  {
    ...whole,
    entry: { monitor: 'src/commands/monitor.ts' },
    format: 'cjs',
    splitting: false,
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: '(function (module, exports, require, bundleUrl) {' },
    footer: { js: '})' },
  },
  // The workers are programs of their own: src/audit/pool.ts and tree-thread.ts start them by these names.
  {
    ...whole,
    entry: { index: 'src/index.ts', 'audit-worker': 'src/audit/worker.ts', 'audit-tree': 'src/audit/tree-worker.ts' },
    splitting: false,
  },
]);
