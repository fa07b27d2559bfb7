// What is never generalised: objects that the kit of the templates closes, and other processes' /proc.
import type { AgentEvent } from '../events/index.js';
import { Engine, type Policy, pathKit } from '../policy/index.js';
import { type IsApart, Profile, type Target } from './model.js';
import { eventOf, type Verb } from './verbs.js';

let engine: Engine | undefined;

/** A policy of the kit alone: what it does not allow is sensitive. */
function kitEngine(): Engine {
  const kit: Policy = {
    file: 'kit',
    document: { version: '1.0', policies: [...pathKit()] },
    sha256: '',
    positions: [],
    notes: [],
  };
  engine ??= new Engine(kit);
  return engine;
}

/** Stands in paths of a profile for the pid of another process. */
const OTHERS = /^\/proc\/\*(\/|$)/;
export const OTHERS_PROC = 'other_processes_proc';

/** The rule of the kit that closes this, or `other_processes_proc`; undefined for what is not sensitive. */
export function sensitiveAs(verb: Verb, target: Target): string | undefined {
  const { path, many, domain, ip, port, protocol, tool } = target;
  if (many) return undefined;
  const asked: AgentEvent = { ...eventOf(verb) };
  if (path !== undefined) Object.assign(asked, { path, path_to: path });
  else if (verb === 'network_bind' || verb === 'network_listen')
    Object.assign(asked, { local_ip: ip, local_port: port });
  else Object.assign(asked, { dest_domain: domain, dest_ip: ip, dest_port: port, tool });
  if (protocol !== undefined) asked.protocol = protocol;
  const verdict = kitEngine().decide(asked);
  if (verdict !== undefined && verdict.action !== 'ALLOW') return verdict.name;
  return path !== undefined && OTHERS.test(path) ? OTHERS_PROC : undefined;
}

const isApart: IsApart = (verb, path) => sensitiveAs(verb, { path }) !== undefined;

/** An empty profile. */
export const newProfile = (): Profile => new Profile(isApart);
