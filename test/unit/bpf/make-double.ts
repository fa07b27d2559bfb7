import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '../../../src/package.js';

export interface Script {
  /** Overrides fields of the hello. */
  hello?: Record<string, unknown>;
  /** No hello, ever. */
  silent?: boolean;
  /** The sentence of a loader without privileges. */
  refuse?: string;
  dieAtOnce?: boolean;
  /** Raw text after the hello. */
  garbage?: string;
  /** Fields of events sent once something is governed. */
  events?: Record<string, unknown>[];
  /** Lines sent after them as they are. */
  raw?: string[];
  /** Fields of events sent after those. */
  after?: Record<string, unknown>[];
  /** Number of file_open events after them. */
  bulk?: number;
  killAfterEvents?: boolean;
  emptyAfterEvents?: boolean;
  unkillable?: boolean;
  /** The answer to `govern`, where it is none. */
  refuseGovern?: { code: string; text: string };
  /** Why nothing can be pinned. */
  refuseKeep?: string;
  /** What `take_over` finds; nothing without it. */
  takenOver?: Record<string, unknown>;
  /** A command that gets no answer. */
  deafTo?: string;
  /** Pids that `member` says yes to. */
  members?: number[];
  /** What `peer` prints. */
  peer?: string;
  probe?: unknown;
  lostAtEnd?: Record<string, number>;
  exit?: number;
}

/** Writes an executable double of the loader that follows this script; see double.mjs. @returns its path. */
export function makeDouble(
  script: Script,
  path = join(mkdtempSync(join(tmpdir(), 'agentgov-double-')), 'agentgov-loader'),
): string {
  const lines = [
    `#!${process.execPath}`,
    `import(${JSON.stringify(join(import.meta.dirname, 'double.mjs'))}).then(({ double }) =>`,
    `  double(${JSON.stringify({ packageVersion: VERSION, ...script })}),`,
    ');',
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
  return path;
}
