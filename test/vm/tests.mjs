// The guest tests: test/vm/guest/*.mjs. Each exports a default function (lib/context.mjs says what it is given) and may
// export how it wants to be run:
//
//   needs     programs to put into the guest (needs.mjs); default none
//   variants  the names of the boots it is for (matrix.mjs); default all usual ones
//   per       `boot` (default): its outcome can differ with each boot; `handlers`: only with the handlers that run, so
//             npm test runs it in one of the boots that have the same; `run`: it is long, and npm test runs it in one boot;
//             `turn`: so are others, and npm test runs every tenth of them; `full`: npm test does not run it
//   timeout   seconds inside the guest; default 120
//   evidence  the name of the file in docs/evidence that its figures are for; default vm-matrix, with all others
//   product   what of agentgov it uses: `package` (default), `loader` or `none`
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { usualVariants } from './matrix.mjs';
import { guestFolder } from './places.mjs';

/** All guest tests by name: [{ name, needs, variants, per, timeout, product, evidence }], `boot` first. */
export async function loadTests() {
  const names = readdirSync(guestFolder)
    .filter((file) => file.endsWith('.mjs'))
    .map((file) => file.slice(0, -'.mjs'.length));
  const tests = await Promise.all(
    names.map(async (name) => {
      const module = await import(pathToFileURL(join(guestFolder, `${name}.mjs`)));
      const {
        needs = [],
        variants = usualVariants,
        per = 'boot',
        timeout = 120,
        product = 'package',
        evidence,
      } = module;
      return { name, needs, variants, per, timeout, product, evidence };
    }),
  );
  const rank = ({ name }) => `${name === 'boot' ? 0 : 1}${name}`;
  return tests.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}
