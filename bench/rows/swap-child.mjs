import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Puts a policy in force as `enforce` does when it begins, and then four times as `reload` does. Prints what that took:
 * `{begin: {elapsedMs, cpuMs}, swaps: [...]}`, of the CPU that of all threads.
 *
 * usage: swap-child.mjs BUNDLES LOADER POLICY
 */
const [bundles, path, file] = process.argv.slice(2);
const require = createRequire(import.meta.url);

// A name server that is near, and in no network.
let asked = 0;
require('node:dns/promises').lookup = async () => {
  const address = `10.200.${++asked >> 8}.${asked & 255}`;
  await sleep(5);
  return [{ address }];
};
const room = (name) => require(join(bundles, `${name}.cjs`));
const { startLoader } = room('bpf');
const { Enforcement } = room('enforcement');
const { loadPolicy } = room('policy');
const { optimiseLate, tuneV8 } = room('v8');

async function timed(work) {
  const [begin, { user, system }] = [performance.now(), process.cpuUsage()];
  await work();
  const used = process.cpuUsage();
  return { elapsedMs: performance.now() - begin, cpuMs: (used.user - user + used.system - system) / 1000 };
}

const loader = await startLoader({ path, agentId: 'large', onEvent() {}, onNotice() {} });
let enforcement;
optimiseLate();
const begin = await timed(async () => {
  const options = { policy: await loadPolicy(file), accept: [], protect: { files: [], mountNamespace: 1 } };
  const asks = { mayEnforce() {}, mayTell() {}, note() {} };
  enforcement = Enforcement.prepare({ ...options, ...asks }, loader.hello, undefined);
  await enforcement.load(loader);
});
// As an engine that has begun to record.
tuneV8();
const swaps = [];
for (let n = 0; n < 4; n++) swaps.push(await timed(() => enforcement.reload(loader)));
await loader.quit();
process.stdout.write(JSON.stringify({ begin, swaps }));
