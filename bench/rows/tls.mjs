import { interleave, measure } from '../harness/index.mjs';
import {
  clientOf,
  compareRead,
  costs,
  hitsOfRequest,
  NODE_CLIENT,
  ON_ONE_CORE,
  PLAN,
  sizeLine,
  startServer,
  whileRead,
} from './tls-parts.mjs';

/** What reading the plaintext of a client costs it, and what it costs others that use the same library. */
export default {
  name: 'tls',
  defaultPairs: 20,
  needsAgentgov: true,
  async run({ pairs, progress }) {
    const server = await startServer();
    const beside = await startServer(ON_ONE_CORE);
    try {
      const client = clientOf(NODE_CLIENT, server.port);
      const onOneCore = clientOf([...ON_ONE_CORE, ...NODE_CLIENT], beside.port);
      const read = await compareRead(PLAN, client, { pairs, onPair: progress('--capture-tls') });
      const alone = await compareRead(PLAN, onOneCore, { pairs, onPair: progress('a core left') });
      const bare = async () => {
        await measure(client.argv([PLAN[1]]));
        return client.report();
      };
      const besideOne = () => whileRead(clientOf(NODE_CLIENT, server.port), 1, bare);
      const others = await interleave(bare, besideOne, { pairs, onPair: progress('outside of the tree') });
      const hits = await hitsOfRequest(clientOf(NODE_CLIENT, server.port));
      return {
        workload:
          'a Node client of an HTTPS server, one connection, a body there and as much back; with and without --capture-tls',
        lines: [
          ...PLAN.map((_, at) => sizeLine(at, read)),
          ...PLAN.map((_, at) => sizeLine(at, alone, 'a core left')),
          { label: 'not governed, 16 KB', measures: costs(others, 0, {}), raw: others },
        ],
        facts: [
          `${hits} hits of probes for a request of 1 KB`,
          'a core left: the client and its server share one, with and without',
          'not governed: while another client is read, against while none is',
        ],
      };
    } finally {
      await server.stop();
      await beside.stop();
    }
  },
};
