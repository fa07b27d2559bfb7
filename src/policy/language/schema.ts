// The shape of a policy file: the one source of the published JSON Schema and of the tables in docs/policy.md.
import { ACCESSES, EVENTS, KERNEL_TOOLS } from './operations.js';

export interface Schema {
  description?: string;
  type?: string;
  enum?: readonly string[];
  const?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  items?: Schema;
  anyOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: boolean | Schema;
  required?: readonly string[];
}

const list = (description: string, items: Schema): Schema => ({
  description,
  type: 'array',
  minItems: 1,
  maxItems: 10_000,
  uniqueItems: true,
  items,
});
const text: Schema = { type: 'string', minLength: 1, maxLength: 4096, pattern: '^[^\\u0000-\\u001f\\u007f]+$' };
const name = (maxLength: number): Schema => ({ ...text, maxLength });

const ACTION = ['ALLOW', 'HUMAN_APPROVAL', 'BLOCK'];
const MODE = ['audit', 'enforce'];

export const MATCH_KEYS = {
  event: list('event types that can be decided on (docs/events.md)', { enum: EVENTS }),
  tool: list(
    `tools by name, \`*\` for any characters; ${Object.keys(KERNEL_TOOLS).join(', ')} hold in the kernel as well`,
    name(256),
  ),
  access: list('what is done to the file', { enum: ACCESSES }),
  path: list('absolute paths; `*` stays within a component, `**` is any number of them, `~/` is a home folder', text),
  path_prefix: list('folders, with all that is below them', text),
  exe: list('executable of the process that acts; patterns as in `path`', text),
  script: list('script that this process runs; patterns as in `path`', text),
  destination_domain: list('host names; `*.example.com` is every name below example.com', name(253)),
  destination_ip: list('addresses or CIDR blocks, IPv4 or IPv6', name(64)),
  port: list('ports, or ranges as "8000-8100"', {
    anyOf: [
      { type: 'integer', minimum: 0, maximum: 65535 },
      { type: 'string', pattern: '^\\d{1,5}-\\d{1,5}$' },
    ],
  }),
  protocol: list('transport protocol: tcp, udp, unix-stream, …', { type: 'string', pattern: '^[a-z0-9-]{1,32}$' }),
  database: list('databases that a tool call names; `*` for any characters', name(256)),
  intent: list('what explains the operation; `unmatched` where no tool call does', name(256)),
  written: {
    description: 'true: the file that is run is one that this tree has written; false: it is another one',
    type: 'boolean',
  },
} as const satisfies Record<string, Schema>;

export const RULE_KEYS = {
  name: { ...name(128), description: 'what decisions are shown under; unique in the file' },
  match: {
    description: 'what the rule is about; all keys must hold, any value of each will do',
    type: 'object',
    properties: MATCH_KEYS,
    additionalProperties: false,
  },
  action: { description: 'what becomes of it', enum: ACTION },
  mode: { description: "this rule's own mode, instead of the policy's", enum: MODE },
  audit: { description: 'false: what this rule allows is left out of the log', type: 'boolean' },
  log_level: { description: 'VERBOSE: every repetition is an event of its own', enum: ['NORMAL', 'VERBOSE'] },
  alert: { description: 'true: what it stops is marked, and told to `alerts`, at most once a minute', type: 'boolean' },
  max: {
    description: 'how often an ALLOW rule lets it through, as 20/minute; more is blocked',
    type: 'string',
    pattern: '^[1-9]\\d{0,4}/(second|minute|hour|day)$',
  },
  errno: { description: 'error that a blocked call returns', enum: ['EPERM', 'EACCES'] },
  guidance: { ...name(500), description: 'what the agent is told when this rule stops it' },
  approval_channel: { ...name(128), description: 'where a human is asked' },
  timeout_seconds: {
    description: 'how long a human has to answer; unanswered is BLOCK',
    type: 'integer',
    minimum: 1,
    maximum: 86_400,
  },
} as const satisfies Record<string, Schema>;

const sink = (key: string, value: Schema): Schema => ({
  type: 'object',
  properties: { [key]: value },
  required: [key],
  additionalProperties: false,
});
const SINK: Schema = {
  anyOf: [
    sink('webhook', { type: 'string', pattern: '^https?://[^\\s]+$', maxLength: 2048 }),
    sink('syslog', { type: 'string', pattern: '^(local|(udp|tcp|tls)://[^\\s/]+)$', maxLength: 512 }),
    sink('command', { type: 'array', minItems: 1, maxItems: 64, items: text }),
  ],
};
const defaultOf = (what: string): Schema => ({ description: `${what} that no rule speaks of`, enum: ACTION });

export const TOP_KEYS = {
  version: { description: 'of the policy language, in quotes', const: '1.0', type: 'string' },
  agent_id: { ...name(128), description: 'whose policy this is' },
  mode: { description: 'audit (the default) records what enforce would stop', enum: MODE },
  default_action: {
    description: 'for what no rule speaks of; a class that is not named is ALLOW',
    type: 'object',
    properties: {
      file: defaultOf('access to files'),
      exec: defaultOf('running of programs'),
      network: defaultOf('connections, packets, listening and local sockets'),
      tool: defaultOf('tool calls at the gateway'),
    },
    additionalProperties: false,
  },
  on_exit: {
    description: 'keep enforcement in the kernel when agentgov ends (the default), or release it',
    enum: ['keep', 'release'],
  },
  on_log_failure: {
    description: 'when the log cannot be written: go on, block everything, or stop the agent',
    enum: ['continue', 'block', 'stop'],
  },
  strict_sni: { description: 'true: the name in the TLS greeting must be the one that was allowed', type: 'boolean' },
  resolvers: list('name servers whose answers are believed', name(64)),
  channels: {
    description: 'where approvals are asked, by the name that `approval_channel` uses',
    type: 'object',
    additionalProperties: SINK,
  },
  alerts: {
    description: 'who is told of `alert: true`: `webhook`, `syslog` or `command`',
    type: 'array',
    maxItems: 64,
    items: SINK,
  },
  policies: {
    description: 'the rules; the most specific one that matches decides, on a tie the stricter one',
    type: 'array',
    maxItems: 100_000,
    items: {
      type: 'object',
      properties: RULE_KEYS,
      required: ['name', 'match', 'action'],
      additionalProperties: false,
    },
  },
} as const satisfies Record<string, Schema>;

export const POLICY_SCHEMA = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'agentgov policy',
  type: 'object',
  properties: TOP_KEYS,
  required: ['version', 'policies'],
  additionalProperties: false,
} as const;

/** The text of templates/schema/policy.schema.json. A unit test holds the file to it. */
export const schemaText = (): string => `${JSON.stringify(POLICY_SCHEMA, undefined, 2)}\n`;
