import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareMonitors, memoryFolder } from '../harness/index.mjs';

const TARGETS = 400;

/** A build as make does it, without a compiler: a shell and two or three short programs for each target. */
const makefile = `SRC := $(wildcard src/*.in)
OUT := $(SRC:src/%.in=out/%.out)

all: out/all.txt

out/%.out: src/%.in
\t@sed -e 's/@NAME@/$*/g' $< > $@.part && sort $@.part > $@.sorted && mv $@.sorted $@ && rm $@.part

out/all.txt: $(OUT)
\t@cat $(OUT) | wc -c > $@
`;

export default {
  name: 'make',
  defaultPairs: 20,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const builds = memoryFolder('make');
    let build = 0;
    const workload = () => {
      rmSync(join(builds, String(build)), { recursive: true, force: true });
      const cwd = join(builds, String(++build));
      mkdirSync(join(cwd, 'src'), { recursive: true });
      mkdirSync(join(cwd, 'out'));
      writeFileSync(join(cwd, 'Makefile'), makefile);
      for (let i = 0; i < TARGETS; i++) {
        writeFileSync(join(cwd, 'src', `unit${i}.in`), `name: @NAME@\nnumber: ${i}\n`.repeat(20));
      }
      return { argv: ['make', '--silent'], cwd };
    };
    const lines = await compareMonitors(workload, { pairs, progress, bounds: { workload: 1.15 } });
    return { workload: `make of ${TARGETS} targets, each a shell with sed, sort, mv and rm`, lines };
  },
};
