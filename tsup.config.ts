import { readFileSync } from 'node:fs';
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

/** The commands that src/cli.ts imports when they are used, but for `monitor`, which is a script of its own. */
const commands = [...readFileSync('src/cli.ts', 'utf8').matchAll(/import\('\.\/commands\/(.+?)\.js'\)/g)]
  .map(([, name]) => name ?? '')
  .filter((name) => name !== 'monitor');

/** Leaves the commands to their own files beside this one. */
const commandsApart: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'commands-apart',
  setup(build) {
    build.onResolve({ filter: /^\.\/commands\// }, ({ path }) =>
      path === './commands/monitor.js'
        ? { path: resolve('src/monitor-bundle.ts') }
        : { path: path.replace('commands/', ''), external: true },
    );
  },
};

export default defineConfig([
  // What bin/agentgov runs for each command, so it is small, and no module: Node starts its machinery for those where a
  // command is one.
  {
    ...whole,
    entry: { cli: 'src/cli.ts' },
    format: 'cjs',
    splitting: false,
    shims: true,
    banner: {},
    esbuildPlugins: [commandsApart, bundledNotices()],
  },
  // One file, and none that it shares with other commands: its start is what a user pays for each agent. A function, for
  // src/code-cache.ts to run; in code that comes compiled import() finds nobody to ask, so require() stands for it.
  {
    ...whole,
    entry: { monitor: 'src/commands/monitor.ts' },
    format: 'cjs',
    splitting: false,
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: '(function (module, exports, require, bundleUrl) {' },
    footer: { js: '})' },
    esbuildOptions(options, context) {
      whole.esbuildOptions?.(options, context);
      options.supported = { 'dynamic-import': false };
    },
  },
  {
    ...whole,
    entry: Object.fromEntries(commands.map((name) => [name, `src/commands/${name}.ts`])),
    splitting: true,
  },
  // The workers are programs of their own: src/audit/pool.ts and tree-thread.ts start them by these names.
  {
    ...whole,
    entry: { index: 'src/index.ts', 'audit-worker': 'src/audit/worker.ts', 'audit-tree': 'src/audit/tree-worker.ts' },
    splitting: false,
  },
]);
