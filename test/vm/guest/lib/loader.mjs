// The loader alone, over its own protocol.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A running loader: { hello, send(command) -> its answer, quit() -> { code, lines } }. */
export async function startLoader(args, errors) {
  const child = spawn('agentgov-loader', ['run', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stderr.on('data', (chunk) => errors.push(chunk.toString()));
  const lines = [];
  const waiting = [];
  const exited = once(child, 'exit');
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    lines.push(message);
    for (const one of waiting.splice(0)) one();
  });
  exited.then(() => {
    for (const one of waiting.splice(0)) one();
  });
  const next = async (matches) => {
    for (;;) {
      const found = lines.find(matches);
      if (found) return found;
      if (child.exitCode !== null) throw new Error(`the loader ended with ${child.exitCode}: ${errors.join('')}`);
      await new Promise((resolve) => waiting.push(resolve));
    }
  };
  return {
    hello: await next(({ msg }) => msg === 'hello'),
    send(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return next(({ msg, id }) => msg !== undefined && id === command.id);
    },
    async quit() {
      child.stdin.write('{"cmd":"quit"}\n');
      const [code] = await exited;
      return { code, lines };
    },
  };
}
