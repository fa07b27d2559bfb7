// A profile as a file: sorted, one entry a line, so that a diff of two files is one of what happened.
import { readFile, stat } from 'node:fs/promises';
import { Ajv, type ValidateFunction } from 'ajv';
import { asciiJson } from '../ascii-json.js';
import { type AgentgovError, usageError } from '../errors.js';
import { quote } from '../policy/index.js';
import { replaceFile } from '../whole-file.js';
import { faultOf, placeAt, placeOf, type Step } from './json-place.js';
import type { Entry, Profile, Program, Role, Session } from './model.js';
import { byText } from './order.js';
import { PROFILE_SCHEMA, PROFILE_VERSION } from './schema.js';
import { newProfile } from './sensitive.js';
import { partialReasons } from './summary.js';
import type { Verb } from './verbs.js';

/** A profile of 400,000 entries has some 80 MB. */
const MAX_BYTES = 512 * 2 ** 20;

interface EntryJson {
  addresses?: string[];
  do: Verb;
  domain?: string;
  first?: string;
  ip?: string;
  last?: string;
  many?: true;
  path?: string;
  port?: number;
  protocol?: string;
  sessions: [number, number][];
  tool?: string;
  tools?: string[];
}

interface ProfileJson {
  programs: { entries: EntryJson[]; exe?: string; role: Role; script?: string }[];
  sessions: Session[];
}

/** Keys in their order, as all of the file is. */
const sorted = (value: object): object =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([, of]) => of !== undefined)
      .sort(([a], [b]) => byText(a, b)),
  );

/** In the order of the file. */
export const sessionsOf = (profile: Profile): Session[] =>
  [...profile.sessions.values()].sort(
    (a, b) => byText(a.first, b.first) || byText(a.id, b.id) || byText(a.agent, b.agent),
  );

const entryJson = (entry: Entry, places: ReadonlyMap<Session, number>): object =>
  sorted({
    ...entry.target,
    do: entry.verb,
    sessions: entry.sessions
      .map((session, at) => [places.get(session) ?? 0, entry.times[at] ?? 0] as const)
      .sort(([a], [b]) => a - b),
    ...(entry.first !== '' && { first: entry.first, last: entry.last }),
    ...(entry.addresses.size > 0 && { addresses: [...entry.addresses].sort() }),
    ...(entry.tools.size > 0 && { tools: [...entry.tools].sort() }),
  });

const orderOf = ({ role, exe, script }: Program['key']): string => `${role}\u0000${exe ?? ''}\u0000${script ?? ''}`;

/** The text of the file. The same profile has the same text, however it came about. */
export function profileText(profile: Profile): string {
  let text = '';
  for (const line of profileLines(profile)) text += `${line}\n`;
  return text;
}

/** Bytes of a piece, about. */
const PIECE = 2 ** 18;

/** The same in pieces: as one string, and put together from its lines, it would be several times as large for a moment. */
function* profileBytes(profile: Profile): Generator<Buffer> {
  let piece = '';
  for (const line of profileLines(profile)) {
    piece += `${line}\n`;
    if (piece.length < PIECE) continue;
    yield Buffer.from(piece, 'latin1');
    piece = '';
  }
  yield Buffer.from(piece, 'latin1');
}

function* profileLines(profile: Profile): Generator<string> {
  const sessions = sessionsOf(profile);
  const places = new Map(sessions.map((session, at) => [session, at]));
  yield '{';
  yield '"format": "agentgov-profile",';
  yield `"partial": ${asciiJson(partialReasons(profile))},`;
  yield '"programs": [';
  const programs = [...profile.programs.values()]
    .filter(({ entries }) => entries.size > 0)
    .sort((a, b) => byText(orderOf(a.key), orderOf(b.key)));
  for (const [at, { entries, key }] of programs.entries()) {
    yield '{"entries": [';
    const keys = [...entries.keys()].sort();
    for (const [index, name] of keys.entries()) {
      const comma = index < keys.length - 1 ? ',' : '';
      yield `${asciiJson(entryJson(entries.get(name) as Entry, places))}${comma}`;
    }
    const rest = asciiJson(sorted({ exe: key.exe, role: key.role, script: key.script }));
    yield `], ${rest.slice(1)}${at < programs.length - 1 ? ',' : ''}`;
  }
  yield '],';
  yield '"sessions": [';
  for (const [at, session] of sessions.entries())
    yield `${asciiJson(sorted(session))}${at < sessions.length - 1 ? ',' : ''}`;
  yield '],';
  yield `"version": ${PROFILE_VERSION}`;
  yield '}';
}

let compiled: ValidateFunction | undefined;

/** @throws AgentgovError (exit 2) with `FILE:LINE:COL:` where the text is no profile of this version. */
export function parseProfile(text: string, file: string): Profile {
  const value = parseJson(text, file) as { format?: unknown; version?: unknown };
  if (value?.format !== 'agentgov-profile')
    throw usageError(`${file}:${placeAt(text, ['format'])}: this is no profile: give a file of agentgov learn`);
  if (value.version !== PROFILE_VERSION) {
    throw usageError(
      `${file}:${placeAt(text, ['version'])}: this profile is of version ${JSON.stringify(value.version)}, and this agentgov reads version ${PROFILE_VERSION}: learn it anew from the recordings, or use the agentgov that wrote it`,
    );
  }
  compiled ??= new Ajv({ strict: true, allowUnionTypes: true }).compile(PROFILE_SCHEMA);
  const [fault] = compiled(value) ? [] : (compiled.errors ?? []);
  if (fault !== undefined) {
    const { additionalProperty } = fault.params as { additionalProperty?: string };
    const path = [...steps(fault.instancePath), ...(additionalProperty === undefined ? [] : [additionalProperty])];
    const what = additionalProperty === undefined ? fault.message : `there is no key ${quote(additionalProperty)}`;
    throw damaged(file, text, path, what ?? 'it is not of its schema');
  }
  return build(value as unknown as ProfileJson, text, file);
}

/** `/programs/0/exe` as steps. No key of a profile has a `~` or a `/` in it. */
const steps = (pointer: string): Step[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));

const damaged = (file: string, text: string, path: readonly Step[], what: string): AgentgovError =>
  usageError(`${file}:${placeAt(text, path)}: the profile is damaged here (${what}): learn it anew`);

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = placeOf(text, faultOf(text));
    throw usageError(`${file}:${place}: this is no JSON, and no profile: give a file of agentgov learn`, error);
  }
}

function build(json: ProfileJson, text: string, file: string): Profile {
  const profile = newProfile();
  const sessions = json.sessions.map((session) =>
    Object.assign(profile.session(session.id, session.agent, session.run), session),
  );
  for (const [of, { entries, ...key }] of json.programs.entries()) {
    const program = profile.program(key);
    for (const [index, one] of entries.entries()) {
      const { do: verb, sessions: times, first = '', last = '', addresses = [], tools = [], ...target } = one;
      const entry = program.entry(verb, target);
      for (const [pair, [place, count]] of times.entries()) {
        const session = sessions[place];
        if (session === undefined)
          throw damaged(
            file,
            text,
            ['programs', of, 'entries', index, 'sessions', pair],
            `there is no session ${place}`,
          );
        entry.add(session, count, first, last);
      }
      for (const address of addresses) entry.address(address);
      for (const tool of tools) entry.tool(tool);
    }
  }
  return profile;
}

/** @throws AgentgovError (exit 2) when it cannot be read or is no profile. */
export async function loadProfile(file: string): Promise<Profile> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw usageError(`${file} is larger than ${MAX_BYTES} bytes: that is no profile`);
    return parseProfile(await readFile(file, 'utf8'), file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    throw usageError(`cannot read the profile ${file} (${code}): give a file of agentgov learn`, error);
  }
}

/** Whole or not at all: whoever reads the file while this is killed finds the old one. */
export async function saveProfile(file: string, profile: Profile): Promise<void> {
  try {
    // As it is now: a live agent goes on being learned while the file is written.
    await replaceFile(file, [...profileBytes(profile)]);
  } catch (error) {
    throw usageError(
      `cannot write the profile ${file} (${(error as NodeJS.ErrnoException).code}): give --profile a file that you may write`,
      error,
    );
  }
}
