import { counted } from '../../counted.js';
import { usageError } from '../../errors.js';
import { MAX_POLICY_BYTES, type Policy, parsePolicy, pathKit, type Rule } from '../../policy/index.js';
import { keyOf, type Profile, type Session } from '../model.js';
import { OTHERS_PROC } from '../sensitive.js';
import { agentsOf, assess, partialReasons, summarise } from '../summary.js';
import { isFileVerb } from '../verbs.js';
import { decideRules } from './decide.js';
import { type Evidence, gather } from './evidence.js';
import { closedKey, execRules, fileRules, socketRules } from './files.js';
import { libraryRule } from './library.js';
import { type Made, Names } from './made.js';
import { networkRules, systemRules, toolRules } from './network.js';
import { type Seen, seenIn } from './seen.js';
import { policyText } from './yaml.js';

export interface Generated {
  /** As it loads: `parsePolicy` has taken it. */
  readonly policy: Policy;
  readonly text: string;
  readonly made: readonly Made[];
  /** What a person should know, one sentence each: they are also at the top of the text. */
  readonly notes: readonly string[];
  /** The top of the text: where the policy comes from, what the profile is worth, and the notes. */
  readonly head: readonly string[];
  readonly agent: string;
  readonly seen: Seen;
}

/** What has no class in `default_action`, and is allowed by a rule for whoever was seen doing it. */
const UNUSUAL = ['privilege_change', 'signal', 'io_uring_setup'] as const;

const NO_NOTES = new Map<string, string>();
const closed = (rule: Rule, why: string): Made => ({ section: 'closed', rule, why, notes: NO_NOTES });

const KIT: Readonly<Record<string, string>> = {
  secrets: 'Keys and tokens.',
  client_credentials: 'Credentials of clients.',
  persistence: 'Files that make others run something later.',
  escape_sockets: 'Ways to have something done by a process outside of the tree.',
  cloud_metadata: 'The credentials of the machine.',
  other_processes: 'Other processes, the kernel and the mount tree.',
  governor: "What governs the agent is not the agent's to change.",
};

/**
 * A policy from a profile.
 *
 * @param agentId which agent of the profile; needed where it has several.
 * @throws AgentgovError (exit 2) for a profile without events, without this agent, or with more than a policy can hold.
 */
export function generate(profile: Profile, agentId?: string): Generated {
  const isOf = chosenAgent(profile, agentId);
  const { evidence, runs } = gather(profile, isOf);
  if (evidence.length === 0)
    throw usageError(
      'the profile holds nothing to make rules of: learn from recordings in which the agent did something',
    );
  const kit = pathKit();
  const names = new Names([...kit.map(({ name }) => name), 'unusual']);
  const context = { runs, names };
  const own = new Set(evidence.flatMap(asOthers));
  const isClosed = ({ sensitive: reason, verb, target }: Evidence): boolean =>
    reason !== undefined && !(reason === OTHERS_PROC && own.has(keyOf(verb, target)));
  const sensitive = evidence.filter(isClosed);
  const plain = evidence.filter((one) => !isClosed(one));
  const decided = decideRules(sensitive, names);
  const forAll = decided.made.filter(({ rule }) => rule.match.exe === undefined);
  const taken = new Set(
    forAll.flatMap(({ rule: { match } }) =>
      (match.access ?? []).flatMap((verb) => (match.path ?? []).map((path) => closedKey(verb, path))),
    ),
  );
  const of = (test: (one: Evidence) => boolean): Evidence[] => plain.filter(test);
  const isSocket = ({ verb, target }: Evidence): boolean =>
    verb === 'unix_connect' || (verb.startsWith('network_') && target.path !== undefined);
  const parts = [
    fileRules(
      of(({ verb }) => isFileVerb(verb)),
      context,
      taken,
    ),
    execRules(
      of(({ verb }) => verb === 'exec'),
      context,
    ),
    networkRules(
      of((one) => one.verb.startsWith('network_') && !isSocket(one)),
      context,
    ),
    socketRules(of(isSocket), context),
    toolRules(
      of(({ verb }) => verb === 'tool_call'),
      context,
    ),
    systemRules(
      of(({ verb }) => (UNUSUAL as readonly string[]).includes(verb)),
      context,
    ),
    decided,
  ];
  const made = [
    ...parts.flatMap((part) => part.made),
    ...libraryRule(plain, names),
    ...kit.map((rule) => closed(rule, KIT[rule.name] ?? '')),
    closed(
      { name: 'unusual', match: { event: [...UNUSUAL] }, action: 'HUMAN_APPROVAL', timeout_seconds: 300 },
      'Other users and capabilities, signals to processes outside, io_uring.',
    ),
  ];
  const notes = notesOn(
    profile,
    made,
    parts.flatMap(({ left }) => left),
  );
  const head = headOf(profile, notes);
  const agent = agentId ?? agentsOf(profile)[0];
  const text = policyText([...head, 'Next: agentgov policy check FILE; agentgov replay FILE AUDIT.'], agent, made);
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    throw usageError(
      `the profile names too many different things for a policy (${counted(evidence.length, 'thing')}, and a policy has at most ${MAX_POLICY_BYTES} bytes): learn from more runs, so that folders become rules, or from fewer agents`,
    );
  }
  const policy = parsePolicy(Buffer.from(text), 'the generated policy');
  return { policy, text, made, notes, head, agent: agent ?? 'agent', seen: seenIn(profile, isOf, evidence) };
}

/**
 * What a process read of its own /proc, as the same of another one. No rule can tell the two apart: where the own is
 * allowed, the other one is.
 */
const asOthers = ({ verb, target: { path = '' } }: Evidence): string[] =>
  /^\/proc\/self(?:\/|$)/.test(path) ? [keyOf(verb, { path: path.replace('self', '*') })] : [];

function chosenAgent(profile: Profile, agentId: string | undefined): (session: Session) => boolean {
  const agents = agentsOf(profile);
  if (agentId === undefined && agents.length > 1)
    throw usageError(`the profile is of ${agents.length} agents: choose one with --agent-id (${agents.join(', ')})`);
  if (agentId !== undefined && !agents.includes(agentId))
    throw usageError(`the profile has no agent ${JSON.stringify(agentId)}; it has ${agents.join(', ') || 'none'}`);
  return ({ agent }) => agentId === undefined || agent === agentId;
}

const headOf = (profile: Profile, notes: readonly string[]): string[] => [
  'Made by agentgov generate from a profile. Read it before you enforce it: what was learned is what was done, not what is right.',
  ...assess(summarise(profile)),
  ...notes,
];

const MOST_SHOWN = 10;
const some = (all: readonly string[]): string =>
  all.length > MOST_SHOWN
    ? `${all.slice(0, MOST_SHOWN).join(', ')} and ${all.length - MOST_SHOWN} more`
    : all.join(', ');

function notesOn(profile: Profile, made: readonly Made[], left: readonly Evidence[]): string[] {
  const decide = made.filter(({ section }) => section === 'decide');
  const things = decide.flatMap(
    ({ rule: { match } }) => match.path ?? match.destination_domain ?? match.destination_ip ?? match.event ?? [],
  );
  const once = made.filter(({ section }) => section === 'once').length;
  const partial = partialReasons(profile).length > 0;
  return [
    ...(partial ? ['THE PROFILE IS PARTIAL: an enforcing policy of it may stop work that was not seen'] : []),
    ...(things.length > 0
      ? [
          `${counted(things.length, 'thing')} that the kit closes ${things.length === 1 ? 'waits' : 'wait'} for a decision: ${some(things)}`,
        ]
      : []),
    ...(once > 0 ? [`${counted(once, 'rule')} ${once === 1 ? 'is' : 'are'} of one run only: review`] : []),
    ...changeable(made),
    ...(left.length > 0
      ? [`no rule can name ${counted(left.length, 'thing')}, which would be blocked: ${some(left.map(nameOf))}`]
      : []),
  ];
}

const nameOf = ({ verb, target }: Evidence): string =>
  `${verb} ${target.path ?? target.domain ?? target.ip ?? target.tool ?? ''}`.trim();

/** A program that the agent may both replace and run is a hole in the list of programs. */
function changeable(made: readonly Made[]): string[] {
  const allowed = made.filter(({ rule }) => rule.action === 'ALLOW');
  const folders = allowed
    .filter(({ rule }) => rule.match.access?.some((verb) => verb !== 'read' && verb !== 'exec'))
    .flatMap(({ rule }) => [...(rule.match.path_prefix ?? []), ...(rule.match.path ?? [])]);
  const exact = new Set(folders);
  const programs = allowed
    .filter(({ rule }) => rule.match.access?.[0] === 'exec')
    .flatMap(({ rule }) => rule.match.path ?? []);
  const own = programs.filter((program) => {
    const short = program.replace(/^(?:\/root|\/home\/[^/]+)(?=\/)/, '~');
    if (exact.has(program) || exact.has(short)) return true;
    return folders.some((folder) => folder.endsWith('/') && (program.startsWith(folder) || short.startsWith(folder)));
  });
  return own.length === 0
    ? []
    : [`the agent may change ${counted(own.length, 'program')} that it may also run: ${some(own)}`];
}
