// The loader alone, over its own protocol.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * A running loader: { hello, send(command) -> its answer, seen(matches) -> the first such line, quit() -> { code, lines },
 * kill() }; a line's bytes are its `data`.
 */
export async function startLoader(args, errors) {
  const child = spawn('agentgov-loader', ['run', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stderr.on('data', (chunk) => errors.push(chunk.toString()));
  const lines = [];
  const waiting = [];
  const exited = once(child, 'exit');
  let rest = Buffer.alloc(0);
  child.stdout.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      const message = JSON.parse(rest.toString('latin1', 0, end));
      const behind = end + 1 + (message.bytes ?? 0);
      if (behind > rest.length) break;
      lines.push({ ...message, ...(message.bytes !== undefined && { data: rest.subarray(end + 1, behind) }) });
      rest = rest.subarray(behind);
    }
    for (const one of waiting.splice(0)) one();
  });
  exited.then(() => {
    for (const one of waiting.splice(0)) one();
  });
  const next = async (matches) => {
    for (;;) {
      const found = lines.find(matches);
      if (found) return found;
      const how = child.exitCode ?? child.signalCode;
      if (how !== null) throw new Error(`the loader ended with ${how}: ${errors.join('')}`);
      await new Promise((resolve) => waiting.push(resolve));
    }
  };
  return {
    hello: await next(({ msg }) => msg === 'hello'),
    send(command) {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return next(({ msg, id }) => msg !== undefined && id === command.id);
    },
    seen: next,
    async quit() {
      child.stdin.write('{"cmd":"quit"}\n');
      const [code] = await exited;
      return { code, lines };
    },
    /** Resolves once its end has been heard of. */
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
