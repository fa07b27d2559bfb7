// Logs made without any code of src/audit, so that it is held against something else than itself.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export type Fields = Record<string, string | number | boolean | string[]>;

export const ZEROS = '0'.repeat(64);
export const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

/** json.dumps(sort_keys=True) for flat ASCII records. */
export function dumps(fields: Fields): string {
  const members = Object.keys(fields)
    .sort()
    .map((key) => {
      const value = fields[key];
      const text = Array.isArray(value) ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]` : value;
      return `${JSON.stringify(key)}: ${Array.isArray(value) ? text : JSON.stringify(value)}`;
    });
  return `{${members.join(', ')}}`;
}

/** A line with its chain fields, by the rule of the format. */
export function sealed(fields: Fields, seq: number, prev: string): string {
  const body = { ...fields, seq, hash_prev: prev };
  return dumps({ ...body, hash_self: sha256(dumps(body)) });
}

/** A line of which only the text matters: the hash is made for `body`, a canonical text without hash_self. */
export function sealedText(body: string): string {
  const self = `, "hash_self": "${sha256(Buffer.from(body, 'utf8'))}"`;
  return body.replace(/("hash_prev": "[0-9a-f]{64}")/, `$1${self}`);
}

export const hashOf = (line: string): string => /"hash_self": ?"([0-9a-f]{64})"/.exec(line)?.[1] ?? '';

export function event(index: number): Fields {
  return {
    timestamp: `2026-04-14T09:23:01.${String(index % 1000).padStart(3, '0')}Z`,
    agent_id: 'finance-agent',
    event_type: index % 7 === 0 ? 'process_exec' : 'file_open',
    action: 'OBSERVED',
    pid: 4000 + (index % 13),
    comm: 'node',
    path: `/home/agent/docs/quote"\\${index}\n.txt`,
    argv: ['node', `--index=${index}`],
    uid: 1000,
  };
}

/** A chain over any records. */
export function chain(records: Fields[], from = 1, prev = ZEROS): string[] {
  let last = prev;
  return records.map((fields, index) => {
    const line = sealed(fields, from + index, last);
    last = hashOf(line);
    return line;
  });
}

export const makeLines = (count: number): string[] => chain(Array.from({ length: count }, (_, index) => event(index)));

export const joined = (lines: string[]): string => lines.map((line) => `${line}\n`).join('');

/** What a random change puts into a line: what JSON is made of, and what comes near it. */
export const PIECES = ['"', '\\', ', ', ': ', '{', '}', '[', ']', '\\u00', '-', '0', '1.5', ' ', 'a', '\x7f'] as const;

/** A folder of this test's own, removed after it. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'agentgov-audit-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A log file with this content, removed after the test. */
export function logFile(content: string | Buffer | string[]): string {
  const path = join(folder(), 'audit.jsonl');
  writeFileSync(path, Array.isArray(content) ? joined(content) : content);
  return path;
}
