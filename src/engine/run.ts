import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { AuditWriter, type Finding, type WriterOptions } from '../audit/index.js';
import {
  findLoader,
  type Loader,
  LoaderRefusal,
  type Notice,
  socketPeer,
  startLoader,
  type TlsSink,
} from '../bpf/index.js';
import { type ControlServer, runtimeFolder, serveControl } from '../control/index.js';
import { counted } from '../counted.js';
import { deferred } from '../deferred.js';
import { AgentgovError, EXIT, usageError } from '../errors.js';
import { openRedactor } from '../events/index.js';
import type { FeedbackFile } from '../feedback/index.js';
import { PACKAGE_ROOT } from '../package.js';
import {
  type Identity,
  invokingUser,
  logPath,
  type ProcessInfo,
  readProcess,
  type Suspect,
  stateFolder,
  type Target,
  trustWarnings,
} from '../targets/index.js';
import { Command } from './command.js';
import { leaveNoCore, refuseSnapshots } from './crash.js';
import type { EnforceFlags } from './enforcement.js';
import { guardFiles } from './guarded-files.js';
import { runId } from './own-events.js';
import type { PlaintextOptions } from './plaintext.js';
import { isIncomplete } from './reasons.js';
import { Session, type SessionResult } from './session.js';
import { watchSignals } from './signals.js';
import { openStdout } from './sink.js';
import { after } from './timer.js';
import { tuneV8, youngCollector } from './v8.js';
import { jsonl, pretty, View } from './view.js';

export type Output = 'jsonl' | 'pretty';

export const TIER_CHOICES = ['auto', 'lsm', 'hook', 'observe'] as const;
export type TierChoice = (typeof TIER_CHOICES)[number];

export type LogOptions = Pick<WriterOptions, 'fsyncMs' | 'rotateBytes' | 'rotateMs' | 'checkpoints'>;

export interface MonitorOptions {
  target: Target;
  agentId: string;
  /** --output-file; the default place of this agent otherwise. */
  outputFile?: string;
  /** How the log is written. */
  log?: LogOptions;
  /** What stdout shows; nothing when absent. */
  output?: Output;
  /** Seconds until the recording ends. */
  duration?: number;
  failOn: readonly Finding[];
  /** What is enforced; without it everything is only recorded. */
  enforce?: EnforceFlags;
  /** No more than this tier; the best that works by default. */
  tier?: TierChoice;
  /** Bytes of the kernel's rings. */
  ringBulk?: number;
  ringCritical?: number;
  /** Called once the session has begun, before V8 is tuned for it. */
  onBegun?: () => void;
  /** Called with what is written into the log, whole lines; what it throws ends the session. */
  onLog?: (bytes: Buffer) => void;
  ringTls?: number;
  /** Read the plaintext of the tree's TLS connections, and write this of it down. */
  plaintext?: PlaintextOptions;
  /** One line for the user, beside the output: where the log is, what is wrong, how it ended. */
  say: (line: string) => void;
  /** The binary; the one of this installation by default. */
  loaderPath?: string;
  /** Where control sockets are; this user's runtime folder by default. */
  controlFolder?: string;
}

/** How long after a command its last descendants may take to end before the user is told that they go on. */
const STRAGGLERS_MS = 500;

/** Things that were begun before the session is complete, ended again in reverse order when it never is. */
type Undo = () => Promise<unknown> | unknown;

/**
 * Governs a target until it, the user or a failure ends that.
 * @returns the exit code of agentgov.
 * @throws AgentgovError, or CommandError when CMD cannot be run; nothing is left running or locked then.
 */
export async function monitor(options: MonitorOptions): Promise<number> {
  const undo: Undo[] = [];
  try {
    return await run(options, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function run(options: MonitorOptions, undo: Undo[]): Promise<number> {
  const { target, agentId, say } = options;
  if (options.plaintext !== undefined) refuseSnapshots();
  const loaderPath = options.loaderPath ?? findLoader();
  const uid = process.geteuid?.() ?? 0;
  const user = await invokingUser(process.env, uid);
  const command = target.kind === 'command' ? await Command.prepare(target.command, user, loaderPath) : undefined;
  undo.push(() => command?.cancel());
  const mayLeaveCore = leaveNoCore();

  // Half of the program, which most sessions do without.
  const plaintext = options.plaintext && (await import('./plaintext.js'));
  let session: Session | undefined;
  const loader = await startLoader({
    path: loaderPath,
    agentId,
    onEvent: (line) => session?.feed.onEvent(line),
    onNotice: (notice: Notice) => session?.feed.onNotice(notice),
    onBatch: () => session?.feed.onBatch(),
    ...(options.enforce === undefined ? {} : { enforce: true }),
    ...(options.tier === undefined ? {} : { tier: options.tier }),
    ...(options.ringBulk === undefined ? {} : { ringBulk: options.ringBulk }),
    ...(options.ringCritical === undefined ? {} : { ringCritical: options.ringCritical }),
    ...(options.ringTls === undefined ? {} : { ringTls: options.ringTls }),
    ...(options.plaintext === undefined ? {} : { tls: forward(() => session?.feed.tls) }),
  });
  undo.push(() => loader.quit());
  command?.check();
  const governing = [
    ...governingFiles(loaderPath),
    ...(options.enforce === undefined ? [] : [options.enforce.policy.file]),
  ];
  const warnings = trustWarnings(suspects(target, user, uid), governing);
  if (mayLeaveCore !== undefined) warnings.push(mayLeaveCore);
  const place = logPath(options.outputFile, agentId, uid, process.env);
  const controlFolder = options.controlFolder ?? runtimeFolder(uid, process.env, stateFolder(uid, process.env));
  const enforcing =
    options.enforce &&
    (await (
      await import('./enforcing.js')
    ).openEnforcing(options.enforce, {
      loader,
      agentId,
      agents: suspects(target, user, uid),
      governing,
      home: target.kind === 'command' ? (user?.home ?? process.env.HOME) : undefined,
      log: place.path,
      loaderPath,
      stateFolder: stateFolder(uid, process.env),
      controlFolder,
      isRoot: uid === 0,
      note: (text) => session?.note(text),
      tellOfAlerts: (text) => session?.tellOfAlerts(text),
    }));
  undo.push(() => enforcing?.enforcement.close());

  const redactor = openRedactor();
  const writer = await AuditWriter.open(place.path, {
    ...options.log,
    makeFolder: place.isDefault,
    reserve: true,
    agentId,
  });
  undo.push(() => writer.close());
  const { policy, key } = options.enforce ?? {};
  warnings.push(...(await guardFiles(loader, { log: writer.path, policy: policy?.file, key })));
  const view = options.output === undefined ? undefined : openView(writer.path, writer.end, options);
  const tap = options.onLog === undefined ? undefined : openTap(writer.path, writer.end, options.onLog, options.log);
  undo.push(() => view?.abort());
  undo.push(() => tap?.abort());
  await view?.opened;
  await tap?.opened;
  session = new Session({
    agentId,
    loader,
    writer,
    redactor,
    command,
    warnings,
    say,
    ...enforcing,
    ...(plaintext && { openConversations: plaintext.conversationsOf(agentId, redactor, options.plaintext ?? {}) }),
  });
  const control = await openControlSocket(controlFolder, agentId, session, loaderPath, uid);
  undo.push(() => control.close());
  enforcing?.feedback?.open();
  undo.push(() => enforcing?.feedback?.close());

  const roots = target.kind === 'processes' ? target.roots : [readProcess(command?.pid ?? 0)].filter(isThere);
  const governed = await govern(loader, target, command);
  const taken = enforcing && (await (await import('./takeover.js')).takeOver(loader, writer.path));
  const [root] = roots;
  session.begin({
    ...governed,
    ...(taken && { taken }),
    runId: root === undefined ? undefined : runId(loader.hello.boot_id, root),
  });
  const { tier } = loader.hello;
  const doing =
    enforcing === undefined ? 'Recording' : enforcing.enforcement.mode === 'enforce' ? 'Enforcing' : 'Auditing';
  for (const note of session.policyNotes) say(note);
  say(`${doing} ${agentId} (${counted(governed.processes, 'process', 'processes')}, tier ${tier}) in ${writer.path}.`);
  for (const warning of warnings) say(warning);
  options.onBegun?.();
  tuneV8();
  // From here on there is a log to be completed, whatever happens.
  undo.length = 0;
  const { result, leftBy } = await attend({
    options,
    session,
    command,
    control,
    feedback: enforcing?.feedback,
    view,
    tap,
  });
  enforcing?.enforcement.close();
  say(summary(result, writer.path));
  if (result.holds) say(`The kernel goes on holding the policy over ${agentId}; agentgov detach ${agentId} ends that.`);
  return exitCode(options, command, result, leftBy);
}

/** Hands plaintext on to whoever takes it by then: none comes before the session governs. */
const forward = (to: () => TlsSink | undefined, wasRead = youngCollector()): TlsSink => ({
  chunk: (chunk) => {
    to()?.chunk(chunk);
    wasRead(chunk.bytes.length);
  },
  peer: (peer) => to()?.peer(peer),
  end: (end) => to()?.end(end),
});

const isThere = (info: ProcessInfo | undefined): info is ProcessInfo => info !== undefined;

function openControlSocket(
  folder: string,
  agentId: string,
  session: Session,
  loaderPath: string,
  uid: number,
): Promise<ControlServer> {
  return serveControl({
    folder,
    agentId,
    uid,
    engine: {
      status: () => session.status(),
      stop: () => session.stop(),
      detach: () => session.detach(),
      mode: async (mode, rule) => session.policy.mode(mode, rule),
      reload: async () => session.policy.reload(),
      governs: (pid) => session.governs(pid),
      tables: (pid) => session.tables(pid),
      whoIs: (socket) => socketPeer(loaderPath, socket),
    },
  });
}

async function govern(
  loader: Loader,
  target: Target,
  command: Command | undefined,
): Promise<{ pids: number[]; processes: number }> {
  const pids = target.kind === 'processes' ? target.roots.map(({ pid }) => pid) : [command?.pid ?? 0];
  try {
    return await loader.govern(pids);
  } catch (error) {
    // The launcher has looked for CMD meanwhile, and ended because there is none.
    await command?.settle();
    command?.check();
    if (!(error instanceof LoaderRefusal))
      throw new AgentgovError(`The loader ${(error as Error).message}.`, EXIT.internal);
    if (error.failure.code === 'ESRCH' || error.failure.code === 'EEXIST') throw usageError(error.message);
    throw new AgentgovError(error.message, EXIT.internal);
  }
}

/** Users that the agent runs as. */
const suspects = (target: Target, user: Identity | undefined, uid: number): Suspect[] =>
  target.kind === 'processes'
    ? target.roots
    : [user ?? { uid, gid: process.getegid?.() ?? 0, groups: process.getgroups?.() ?? [] }];

/** What agentgov consists of: whoever can change one of these can change what it records next time. */
function governingFiles(loaderPath: string): string[] {
  const dist = join(PACKAGE_ROOT, 'dist');
  const own = ['package.json', 'bin/agentgov', 'bin/package.json'].map((name) => join(PACKAGE_ROOT, name));
  return [process.execPath, loaderPath, ...own, ...listed(dist)];
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [folder];
  }
}

interface Attended {
  options: MonitorOptions;
  session: Session;
  command: Command | undefined;
  control: ControlServer;
  feedback: FeedbackFile | undefined;
  view: View | undefined;
  tap: View | undefined;
}

/** From session_start to the closed log, and to the end of the command that has the terminal. */
async function attend({ options, session, command, control, feedback, view, tap }: Attended): Promise<{
  result: SessionResult;
  /** The signal that ended agentgov while the command ran on. */
  leftBy: NodeJS.Signals | undefined;
}> {
  const { say, duration } = options;
  if (view !== undefined) {
    session.show(view);
    view.broken.catch(({ code }: NodeJS.ErrnoException) => {
      const how = code === 'EPIPE' ? 'was closed by its reader' : `could not be written (${code})`;
      // A command is not left unwatched because nobody looks at the screen.
      if (command === undefined) session.end({ kind: 'stdout_closed', how });
      else say(`stdout ${how}; the recording goes on in the log.`);
    });
  }
  if (tap !== undefined) {
    session.show(tap);
    tap.broken.catch((error: Error) => session.end({ kind: 'internal', cause: error.message }));
  }
  const left = deferred<NodeJS.Signals>();
  const unwatch = watchSignals({
    end: (signal) => {
      session.end({ kind: 'signal', signal });
      left.resolve(signal);
    },
    hurry: () => view?.abort(),
    ...(options.enforce === undefined ? {} : { reload: () => void reload(session, say) }),
    commandRuns: () => command !== undefined && !command.hasEnded,
    hint: () => say('Ctrl-C is for the command; once more, and the recording ends while the command goes on.'),
  });
  const cancel =
    duration === undefined
      ? undefined
      : after(1000 * duration, () => session.end({ kind: 'duration', seconds: duration }));
  let failure: unknown;
  if (command !== undefined) {
    await command.start().catch((error: unknown) => {
      failure = error;
    });
    void command.ended().then(() => tellOfStragglers(session, say));
  }
  const result = await session.close();
  cancel?.();
  // As long as the socket is there, no other engine makes one of this name.
  feedback?.close();
  control.close();
  await view?.finish();
  await tap?.finish();
  if (command?.runs === true && result.reason.kind !== 'signal') {
    say(`The recording has ended (${result.text}); the command goes on without it.`);
  }
  // The terminal is the command's until it ends, unless agentgov itself was told to go.
  const leftBy = await Promise.race([left.promise, command?.ended() ?? Promise.resolve()]);
  unwatch();
  if (failure !== undefined) throw failure;
  return { result, leftBy: leftBy ?? undefined };
}

/** What a user hears of it who has sent SIGHUP. */
async function reload(session: Session, say: (line: string) => void): Promise<void> {
  try {
    const { policy, policy_sha256: sha256, mode, notes } = await session.policy.reload();
    for (const note of notes) say(note);
    say(`${policy} (${sha256.slice(0, 12)}) is in force now, mode ${mode}.`);
  } catch (error) {
    say(`The policy in force has not changed: ${(error as Error).message}`);
  }
}

function openView(path: string, from: number, { output, log }: MonitorOptions): View {
  const color = process.stdout.isTTY === true && !process.env.NO_COLOR && process.stdout.hasColors();
  const look = (): { color: boolean; width?: number } =>
    process.stdout.isTTY === true ? { color, width: process.stdout.columns } : { color: false };
  return new View(path, from, output === 'jsonl' ? jsonl() : pretty(look), openStdout(), rotates(log));
}

const rotates = (log: LogOptions | undefined): boolean => log?.rotateBytes !== undefined || log?.rotateMs !== undefined;

/** A view that shows nobody anything. */
function openTap(path: string, from: number, onLog: (bytes: Buffer) => void, log: LogOptions | undefined): View {
  const style = {
    chunk: 256 * 1024,
    pace: 0,
    render: (bytes: Buffer) => {
      onLog(bytes);
      return bytes;
    },
  };
  return new View(path, from, style, { write: async () => {}, close: () => {} }, rotates(log));
}

async function tellOfStragglers(session: Session, say: (line: string) => void): Promise<void> {
  const ended = await Promise.race([
    session.over.then(() => true),
    new Promise<false>((resolve) => setTimeout(() => resolve(false), STRAGGLERS_MS).unref()),
  ]);
  if (ended) return;
  const { processes } = await session.status();
  if (processes === undefined || processes === 0) return;
  const who = counted(processes, 'process of it lives', 'processes of it live');
  say(`The command has ended and ${who} on; recording until the last one ends, or Ctrl-C.`);
}

function summary({ text, events, lost, incomplete }: SessionResult, path: string): string {
  const losses = lost === 0 ? 'none lost' : `${lost} LOST`;
  const missing = incomplete === undefined || incomplete === text ? '' : ` The log is not complete: ${incomplete}.`;
  return `Ended: ${text}. ${counted(events, 'event')}, ${losses}, in ${path}.${missing}`;
}

/** 4 when the log could not be completed, 1 for a finding that was asked for, else CMD's own code, else 0. */
function exitCode(
  options: MonitorOptions,
  command: Command | undefined,
  result: SessionResult,
  leftBy: NodeJS.Signals | undefined,
): number {
  if (result.incomplete !== undefined || isIncomplete(result.reason)) return EXIT.internal;
  if (options.failOn.some((finding) => (result.findings.get(finding) ?? 0) > 0)) return EXIT.finding;
  if (command === undefined) return EXIT.ok;
  // While the command runs on, agentgov's own end is all there is to tell, as a shell tells it.
  return command.exitCode ?? (leftBy === undefined ? EXIT.ok : 128 + constants.signals[leftBy]);
}
