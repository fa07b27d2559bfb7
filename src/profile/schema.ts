// The shape of a profile file: the one source of the published JSON Schema.
import { VERBS } from './verbs.js';

/** Greater when a reader of the old one would misread the new one. */
export const PROFILE_VERSION = 1;

const text = { type: 'string' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const said = (description: string, of: object): object => ({ description, ...of });

const SESSION = {
  type: 'object',
  properties: {
    agent: said('agent_id of the events', text),
    blind: said('things that could not be seen', count),
    ended: said('its end was seen: nothing of it is missing behind the last event', { type: 'boolean' }),
    events: said('lines of the log that were learned', count),
    first: said('wall clock of the earliest event', text),
    id: said('session_id, or a name made from the first line of a log without one', text),
    jumps: said('how often the wall clock jumped by more than a minute', count),
    last: said('wall clock of the latest event', text),
    lost: said('events that are missing by the own word of the log', count),
    run: said('run_id: one life of a root process of the agent', text),
    seconds: said('watched, by the clock of the kernel', count),
    tier: said('lsm, hook, launch or observe', text),
    unkept: said('operations that were not kept: there were too many different ones', count),
    verified: said('the recording verified', { type: 'boolean' }),
  },
  required: [
    'agent',
    'blind',
    'ended',
    'events',
    'first',
    'id',
    'jumps',
    'last',
    'lost',
    'run',
    'seconds',
    'tier',
    'unkept',
    'verified',
  ],
  additionalProperties: false,
} as const;

const ENTRY = {
  type: 'object',
  properties: {
    addresses: said('addresses of a destination that is known by name, at most 16', { type: 'array', items: text }),
    do: said('what was done: access of the policy language for files, else the event type', { enum: VERBS }),
    domain: said('name of the destination', text),
    first: said('when it was seen first', text),
    ip: said('address of a destination without a name, or own address of a socket that waits', text),
    last: said('when it was seen last', text),
    many: said('more than 1,024 names directly in the folder path', { const: true }),
    path: said('file, folder or socket; /proc/self is the own process, /proc/* another one', text),
    port: said('port of the destination, or own port', { type: 'integer', minimum: 0, maximum: 65535 }),
    protocol: said('transport protocol', text),
    sessions: said('pairs: place in sessions (from 0), operations in that session', {
      type: 'array',
      items: { type: 'array', minItems: 2, maxItems: 2, items: count },
    }),
    tool: said('name of a tool', text),
    tools: said('tools whose calls explain it, at most 16', { type: 'array', items: text }),
  },
  required: ['do', 'sessions'],
  additionalProperties: false,
} as const;

const PROGRAM = {
  type: 'object',
  properties: {
    entries: said('what it did, one thing each', { type: 'array', items: ENTRY }),
    exe: said('executable; absent where it is not known', text),
    role: said('agent: the own process of the agent and its forks; child: a program that it runs', {
      enum: ['agent', 'child'],
    }),
    script: said('script that the executable of the agent runs', text),
  },
  required: ['entries', 'role'],
  additionalProperties: false,
} as const;

export const PROFILE_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'agentgov profile',
  type: 'object',
  properties: {
    format: { const: 'agentgov-profile' },
    partial: said('why the profile does not show all that happened; made from the sessions', {
      type: 'array',
      items: text,
    }),
    programs: { type: 'array', items: PROGRAM },
    sessions: { type: 'array', items: SESSION },
    version: { const: PROFILE_VERSION },
  },
  required: ['format', 'partial', 'programs', 'sessions', 'version'],
  additionalProperties: false,
} as const;

/** The text of templates/schema/profile.schema.json. A unit test holds the file to it. */
export const profileSchemaText = (): string => `${JSON.stringify(PROFILE_SCHEMA, undefined, 2)}\n`;
