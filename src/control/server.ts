import { createServer, type Socket } from 'node:net';
import type { Peer } from '../bpf/index.js';
import { VERSION } from '../package.js';
import type { Mode } from '../policy/index.js';
import { acceptTime, type Doorkeeper, identify, type KnownPeer, refusal } from './admission.js';
import { claimSocket } from './claim.js';
import { governedElsewhere, type Tables } from './elsewhere.js';
import { onLines } from './lines.js';
import { checkLength, claimFolder, socketPath } from './paths.js';
import {
  CONTROL_PROTOCOL,
  type DetachResult,
  type EngineStatus,
  MAX_REQUEST,
  type ModeResult,
  parseRequest,
  type ReloadResult,
  type Request,
  type StopResult,
} from './protocol.js';

const MAX_CLIENTS = 32;
const IDLE_MS = 60_000;

/** What an engine lets its control socket ask. */
export interface ControlledEngine {
  status(): Promise<EngineStatus>;
  /** Kills the tree and ends the session; resolves when the log is closed, or when something could not be killed. */
  stop(): Promise<StopResult>;
  /** Switches the mode of a rule, or of all, in one step. Rejects, with nothing changed. */
  mode(mode: Mode, rule?: string): Promise<ModeResult>;
  /** Reads the policy again and puts it in force in one step. Rejects, with nothing changed. */
  reload(): Promise<ReloadResult>;
  /** Ends the session and lets the tree go on by itself; resolves when the log is closed. */
  detach(): Promise<DetachResult>;
  governs(pid: number): Promise<boolean>;
  /** Whether any membership table in the kernel has this process, and how many there are. Rejects when that is unknown. */
  tables(pid: number): Promise<Tables>;
  /** Who is at the other end of this connection, by the kernel; undefined when that cannot be known. */
  whoIs(socket: Socket): Promise<Peer | undefined>;
}

export interface ControlServer {
  readonly path: string;
  /** Takes the socket away; replies under way are still sent. */
  close(): void;
}

/**
 * Opens the control socket of an agent.
 * @throws AgentgovError exit 2 when a live engine governs this agent, exit 4 when the folder cannot be trusted.
 */
export async function serveControl(options: {
  folder: string;
  agentId: string;
  uid: number;
  engine: ControlledEngine;
}): Promise<ControlServer> {
  const { folder, agentId, uid, engine } = options;
  claimFolder(folder, uid);
  const path = socketPath(folder, agentId);
  checkLength(path);
  const door: Doorkeeper = {
    governs: (pid) => engine.governs(pid),
    governedElsewhere: (pid) => governedElsewhere(pid, folder, path, engine),
  };
  // pauseOnConnect: nothing is read from a peer that has not been identified.
  let clients = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    // Node's own bound would close the connection without a word, as an engine does that has ended.
    if (clients === MAX_CLIENTS) {
      refuse(socket, `This engine is speaking with ${MAX_CLIENTS} others already; try again.`);
      return;
    }
    clients += 1;
    socket.once('close', () => {
      clients -= 1;
    });
    void converse(socket, agentId, uid, engine, door);
  });
  const release = await claimSocket(server, path, agentId);
  // A control socket keeps no engine alive; the session does.
  server.unref();
  return {
    path,
    close: () => {
      release();
      server.close();
    },
  };
}

const say = (socket: Socket, message: Record<string, unknown>): void => {
  socket.write(`${JSON.stringify(message)}\n`);
};

/** The last word. Whoever was refused and stays on the line would else keep a place until it is idle for too long. */
const refuse = (socket: Socket, text: string): void => {
  socket.end(`${JSON.stringify({ msg: 'refused', text })}\n`, () => socket.destroy());
};

async function converse(
  socket: Socket,
  agentId: string,
  uid: number,
  engine: ControlledEngine,
  door: Doorkeeper,
): Promise<void> {
  const acceptedAt = acceptTime();
  // Who waits for an answer, or to be let in, is not idle: in a flood of events the loader's is behind them.
  let underWay = 1;
  socket.setTimeout(IDLE_MS, () => {
    // A machine that stood still finds its timers due before it has read what waits.
    const read = socket.bytesRead;
    setImmediate(() => underWay === 0 && socket.bytesRead === read && socket.destroy());
  });
  socket.unref();
  const admitted = await admit(socket, uid, acceptedAt, engine, door);
  underWay -= 1;
  if (typeof admitted === 'string') {
    refuse(socket, admitted);
    return;
  }
  say(socket, { msg: 'hello', protocol: CONTROL_PROTOCOL, version: VERSION, agent_id: agentId, pid: process.pid });
  onLines(
    socket,
    MAX_REQUEST,
    (line) => {
      const request = parseRequest(line);
      if (typeof request === 'string') refuse(socket, request);
      else {
        underWay += 1;
        void answer(socket, admitted, request, engine, door).finally(() => {
          underWay -= 1;
        });
      }
    },
    () => refuse(socket, `A request is at most ${MAX_REQUEST} bytes long.`),
  );
  socket.resume();
}

async function admit(
  socket: Socket,
  uid: number,
  acceptedAt: number,
  engine: ControlledEngine,
  door: Doorkeeper,
): Promise<KnownPeer | string> {
  try {
    const peer = await engine.whoIs(socket);
    const known = peer === undefined ? undefined : identify(peer, acceptedAt);
    if (known === undefined) return 'The process that connected cannot be identified.';
    if (known.uid !== 0 && known.uid !== uid) return `This engine is controlled by uid ${uid} only.`;
    return (await refusal(known, door, false)) ?? known;
  } catch (error) {
    return `It cannot be made sure that this process is not governed: ${(error as Error).message}`;
  }
}

async function answer(
  socket: Socket,
  peer: KnownPeer,
  request: Request,
  engine: ControlledEngine,
  door: Doorkeeper,
): Promise<void> {
  const { id } = request;
  try {
    // "member" is what engines ask each other, so it must not make them ask again.
    const text = await refusal(peer, door, request.op !== 'member');
    if (text !== undefined) say(socket, { msg: 'reply', id, ok: false, text });
    else say(socket, { msg: 'reply', id, ok: true, ...(await fulfil(request, engine)) });
  } catch (error) {
    say(socket, { msg: 'reply', id, ok: false, text: (error as Error).message });
  }
}

async function fulfil(request: Request, engine: ControlledEngine): Promise<object> {
  switch (request.op) {
    case 'status':
      return engine.status();
    case 'stop':
      return engine.stop();
    case 'detach':
      return engine.detach();
    case 'mode':
      return engine.mode(request.mode, request.rule);
    case 'reload':
      return engine.reload();
    case 'member':
      return { member: await engine.governs(request.pid) };
  }
}
