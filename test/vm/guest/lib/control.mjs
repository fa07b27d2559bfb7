import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** A client of the control socket, as docs/control.md has it. */
export async function control(path) {
  while (!existsSync(path)) await sleep(20);
  const socket = connect(path);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const read = async () => JSON.parse((await lines.next()).value);
  const hello = await read();
  if (hello.msg !== 'hello') throw new Error(hello.text);
  return {
    pid: hello.pid,
    ask: async (request) => {
      socket.write(`${JSON.stringify({ id: 1, ...request })}\n`);
      return read();
    },
    close: () => socket.destroy(),
  };
}
