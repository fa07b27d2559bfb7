// What a session needs beside its recording where a policy is enforced. Apart, and loaded only then: it is a third of the
// program, and most sessions do without.

import { join } from 'node:path';
import { Alerts, alertPrograms } from '../alerts/index.js';
import type { Loader } from '../bpf/index.js';
import { AgentgovError, EXIT, unavailableError } from '../errors.js';
import { FeedbackFile, feedbackPath } from '../feedback/index.js';
import { type Suspect, trustWarnings } from '../targets/index.js';
import { type EnforceFlags, Enforcement, type EnforceOptions } from './enforcement.js';
import { selfProtection } from './self-protection.js';
import { Staging } from './staging.js';

export interface EnforcingPlace {
  loader: Loader;
  agentId: string;
  /** Users that the agent runs as; of several processes, the first one's group may read what was denied. */
  agents: readonly Suspect[];
  /** Files whose writer decides what is enforced. */
  governing: readonly string[];
  /** The agent's home folder, where it is known. */
  home: string | undefined;
  /** The audit log; absolute. */
  log: string;
  loaderPath: string;
  stateFolder: string;
  controlFolder: string;
  isRoot: boolean;
  /** Takes sentences about what no longer works. */
  note: (text: string) => void;
  /** Takes those about the places of alerts. */
  tellOfAlerts: (text: string) => void;
}

export interface Enforcing {
  enforcement: Enforcement;
  staging: Staging;
  alerts: Alerts;
  /** Absent where the agent could change it. */
  feedback: FeedbackFile | undefined;
}

/**
 * Compiles the policy and puts it into the kernel, before anybody is governed by it. Whoever has it closes `enforcement`.
 * @throws AgentgovError exit 3 for what cannot be held here, or could be changed by the agent.
 */
export async function openEnforcing(flags: EnforceFlags, place: EnforcingPlace): Promise<Enforcing> {
  const { loader, agentId, agents, controlFolder, stateFolder } = place;
  const staging = await Staging.open({
    folder: join(stateFolder, agentId),
    terms: flags.terms,
    leaky: loader.hello.leaky,
  });
  const options: EnforceOptions = {
    ...flags,
    promoted: staging.promoted,
    note: place.note,
    mayEnforce: () =>
      refuseWritable(
        agents,
        place.governing,
        'Nothing is enforced over it: sudo npm install -g agentgov, and a policy that only root can write.',
      ),
    mayTell: (sinks) =>
      refuseWritable(
        agents,
        alertPrograms(sinks),
        'agentgov runs no such program for alerts: name one that only root can write.',
      ),
    protect: selfProtection({
      log: place.log,
      policy: flags.policy.file,
      loader: place.loaderPath,
      stateFolder,
      controlFolder,
      key: flags.key,
    }),
  };
  const enforcement = await load(options, loader, place.home);
  // Before anybody is governed: the loader may tell of a loss before it has told of that.
  staging.follow(enforcement.rules);
  const alerts = new Alerts(place.tellOfAlerts);
  alerts.follow(enforcement.alerts);
  return { enforcement, staging, alerts, feedback: feedbackOf(place) };
}

async function load(options: EnforceOptions, loader: Loader, home: string | undefined): Promise<Enforcement> {
  const enforcement = Enforcement.prepare(options, loader.hello, home);
  try {
    await enforcement.load(loader);
    await enforcement.keep(loader);
  } catch (error) {
    enforcement.close();
    throw new AgentgovError(`The policy could not be loaded: ${(error as Error).message}`, EXIT.internal);
  }
  const { unkept } = enforcement;
  if (unkept !== undefined && options.policy.document.on_exit === 'keep') {
    enforcement.close();
    throw unavailableError(`The policy says on_exit: keep, but ${unkept}; or say on_exit: release.`);
  }
  return enforcement;
}

/** A policy that the agent could rewrite, or the program that holds it, holds nothing. Root's own agent is only told of. */
function refuseWritable(agents: readonly Suspect[], files: readonly string[], advice: string): void {
  const [warning] = trustWarnings(
    agents.filter(({ uid }) => uid !== 0),
    files,
  );
  if (warning === undefined) return;
  throw unavailableError(`${warning} ${advice}`);
}

/** Only root can make a file that the agent reads and cannot change. Its group is that of the agent's (first) process. */
function feedbackOf({
  controlFolder,
  agentId,
  agents: [agent],
  isRoot,
  note,
}: EnforcingPlace): FeedbackFile | undefined {
  if (!isRoot || agent === undefined) return undefined;
  return new FeedbackFile({ path: feedbackPath(controlFolder, agentId), gid: agent.gid, onProblem: note });
}
