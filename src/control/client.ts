import { connect, type Socket } from 'node:net';
import { deferred } from '../deferred.js';
import { AgentgovError, EXIT, unavailableError } from '../errors.js';
import { onLines } from './lines.js';
import { CONTROL_PROTOCOL, type ControlHello, MAX_MESSAGE, parseObject, type Request } from './protocol.js';

/** A conversation with an engine, past its hello. */
export interface ControlClient {
  readonly hello: ControlHello;
  /**
   * @returns the fields of the reply.
   * @throws AgentgovError with the engine's sentence, or when it does not answer; NoEngine when it ends instead.
   */
  request(op: Request['op'], fields?: Record<string, unknown>, patience?: number): Promise<Record<string, unknown>>;
  close(): void;
}

/** Nobody listens: the engine has ended, before or during the conversation, or there never was one. */
export class NoEngine extends Error {}

const HELLO_MS = 10_000;
const REPLY_MS = 20_000;

const failed = (text: string): AgentgovError => new AgentgovError(text, EXIT.internal);

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') reject(new NoEngine(`Nobody listens on ${path}.`));
      else if (error.code === 'EACCES') reject(unavailableError(`${path} belongs to another user; use sudo.`, error));
      else reject(failed(`${path} cannot be reached (${error.code ?? error.message}).`));
    });
  });
}

/**
 * Connects to the engine behind a control socket; `patience` is for its hello, in ms.
 * @throws NoEngine; AgentgovError exit 3 when the socket is another user's or the engine refuses, exit 4 when it is silent or
 *   speaks another version.
 */
export async function openControl(path: string, patience = HELLO_MS): Promise<ControlClient> {
  const socket = await connected(path);
  const waiting = new Map<number, (reply: Record<string, unknown> | Error) => void>();
  const greeting = deferred<ControlHello>();
  let nextId = 1;
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    greeting.reject(ended);
    for (const settle of waiting.values()) settle(ended);
    waiting.clear();
    socket.destroy();
  };
  const onMessage = (line: string): void => {
    const message = parseObject(line);
    if (message?.msg === 'hello') {
      if (message.protocol === CONTROL_PROTOCOL) greeting.resolve(message as unknown as ControlHello);
      else end(failed(`The engine behind ${path} is of another version of agentgov; use that version's command.`));
    } else if (message?.msg === 'refused') {
      end(unavailableError(`The engine behind ${path} refuses: ${String(message.text)}`));
    } else if (message?.msg === 'reply' && typeof message.id === 'number') {
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    } else {
      end(failed(`What answers on ${path} is no engine of agentgov.`));
    }
  };
  onLines(socket, MAX_MESSAGE, onMessage, () => end(failed(`What answers on ${path} is no engine of agentgov.`)));
  const gone = (): void => end(new NoEngine(`The engine behind ${path} has ended without an answer.`));
  socket.on('error', gone);
  socket.on('close', gone);
  const silent = setTimeout(() => end(failed(`The engine behind ${path} does not answer.`)), patience);
  const hello = await greeting.promise.finally(() => clearTimeout(silent));
  return {
    hello,
    request: (op, fields = {}, patience = REPLY_MS) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended);
          return;
        }
        const id = nextId++;
        const timer = setTimeout(() => end(failed(`The engine behind ${path} does not answer "${op}".`)), patience);
        waiting.set(id, (reply) => {
          clearTimeout(timer);
          if (reply instanceof Error) reject(reply);
          else if (reply.ok === true) resolve(reply);
          else reject(failed(String(reply.text)));
        });
        socket.write(`${JSON.stringify({ ...fields, op, id })}\n`);
      }),
    close: () => {
      socket.removeAllListeners('close');
      socket.end();
    },
  };
}
