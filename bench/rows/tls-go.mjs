import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { goBuild } from '../../test/support/go-build.mjs';
import { benchFolder, cacheFolder } from '../harness/index.mjs';
import { clientOf, compareRead, hitsOfRequest, ON_ONE_CORE, PLAN, sizeLine, startServer } from './tls-parts.mjs';

/** Of Debian's stable release. */
const VERSION = '1.24';

/** What reading the plaintext of a Go program costs it: its probes stand at instructions, not at a function's return. */
export default {
  name: 'tls-go',
  defaultPairs: 20,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const program = goClient();
    const server = await startServer();
    const beside = await startServer(ON_ONE_CORE);
    try {
      const client = clientOf([program], server.port);
      const onOneCore = clientOf([...ON_ONE_CORE, program], beside.port);
      const read = await compareRead(PLAN, client, { pairs, onPair: progress('--capture-tls') });
      const alone = await compareRead(PLAN, onOneCore, { pairs, onPair: progress('a core left') });
      const hits = await hitsOfRequest(client);
      return {
        workload: `a client of Go ${VERSION} (net/http, HTTP/1.1) of the same server; with and without --capture-tls`,
        lines: [...PLAN.map((_, at) => sizeLine(at, read)), ...PLAN.map((_, at) => sizeLine(at, alone, 'a core left'))],
        facts: [
          `${hits} hits of probes for a request of 1 KB`,
          'a core left: the client and its server share one, with and without',
        ],
      };
    } finally {
      await server.stop();
      await beside.stop();
    }
  },
};

function goClient() {
  const source = join(benchFolder, 'rows', 'tls-client.go');
  const binary = join(cacheFolder('native'), 'tls-client-go');
  if (!existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs) goBuild(VERSION, source, binary);
  return binary;
}
