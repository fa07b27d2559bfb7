/** The rows of the bench, in the order in which they run: the ruler first. */
import enforceVm from './enforce-vm.mjs';
import execLoop from './exec-loop.mjs';
import flood from './flood.mjs';
import idle from './idle.mjs';
import learn from './learn.mjs';
import make from './make.mjs';
import npmCi from './npm-ci.mjs';
import policy from './policy.mjs';
import replay from './replay.mjs';
import self from './self.mjs';
import swap from './swap.mjs';
import tls from './tls.mjs';
import tlsGo from './tls-go.mjs';
import ungoverned from './ungoverned.mjs';
import verify from './verify.mjs';
import verifyMemory from './verify-memory.mjs';
import writer from './writer.mjs';

export const rows = [
  self,
  npmCi,
  execLoop,
  make,
  ungoverned,
  enforceVm,
  tls,
  tlsGo,
  verify,
  verifyMemory,
  writer,
  learn,
  replay,
  policy,
  swap,
  flood,
  idle,
];
