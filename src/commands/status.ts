import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { type EngineStatus, NoEngine, openControl } from '../control/index.js';
import { AgentgovError, EXIT } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import type { RuleCount } from '../rollout/index.js';
import { engineSockets } from './engines.js';
import { describeKept, keptAlone } from './kept.js';

/** An engine's own words, or why there are none. */
type Found = EngineStatus | { agent_id: string; error: string };

async function ask(agentId: string, path: string): Promise<{ found: Found; error?: AgentgovError } | undefined> {
  try {
    const engine = await openControl(path);
    try {
      const { msg: _msg, id: _id, ok: _ok, ...status } = await engine.request('status');
      return { found: status as unknown as EngineStatus };
    } finally {
      engine.close();
    }
  } catch (error) {
    if (error instanceof NoEngine) return undefined;
    if (!(error instanceof AgentgovError)) throw error;
    return { found: { agent_id: agentId, error: error.message }, error };
  }
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

function duration(since: string): string {
  const total = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min ${seconds} s` : `${seconds} s`;
}

function describe(found: Found): string[] {
  if ('error' in found) return [found.agent_id, `  ${found.error}`];
  const memory = (found.rss_kb + (found.loader_rss_kb ?? 0)) * 1024;
  const maps = found.map_bytes === undefined ? '' : ` (kernel maps ${mebibytes(found.map_bytes)} apart)`;
  return [
    found.agent_id,
    `  mode       ${found.mode}, tier ${found.tier}`,
    ...(found.policy === undefined ? [] : [`  policy     ${found.policy} (${found.policy_sha256?.slice(0, 12)})`]),
    `  processes  ${found.processes ?? 'unknown: the loader does not answer'}`,
    `  events     ${found.events}, ${found.lost === 0 ? 'none lost' : `${found.lost} LOST`}`,
    `  since      ${found.started} (${duration(found.started)})`,
    `  log        ${found.log}`,
    `  memory     ${mebibytes(memory)}${maps}`,
    `  engine     pid ${found.pid}, version ${found.version}`,
    ...(found.rules ?? []).flatMap(describeRule),
    ...(found.rules_omitted ? [`  rules      ${found.rules_omitted} more without as many verdicts`] : []),
    ...found.notes.map((note) => `  note       ${note}`),
  ];
}

/** A rule that was met, or that is on its way to be enforced. */
function describeRule({ rule, mode, would_block, blocked, at_least, last, promoted, waits }: RuleCount): string[] {
  if (would_block + blocked === 0 && waits === undefined && !promoted) return [];
  const counts = [
    ...(would_block > 0 || mode === 'audit' ? [`${would_block} would-blocks`] : []),
    ...(blocked > 0 || mode === 'enforce' ? [`${blocked} blocked`] : []),
  ];
  const parts = [
    `${mode}${promoted ? ' (proved quiet)' : ''}`,
    `${at_least ? 'at least ' : ''}${counts.join(', ')}`,
    ...(last === undefined ? [] : [`last ${last}`]),
    ...(waits === undefined ? [] : [`waits for ${waits}`]),
  ];
  return [`  rule       ${rule}: ${parts.join('; ')}`];
}

async function status({ json }: { json?: boolean }): Promise<number> {
  const answers = await Promise.all(engineSockets().map(({ agentId, path }) => ask(agentId, path)));
  const engines = answers.filter((answer) => answer !== undefined);
  const found = engines.map((engine) => engine.found);
  const kept = await keptAlone();
  if (json) {
    const alone = kept.map(({ agentId, processes, attended }) => ({ agent_id: agentId, processes, since: attended }));
    process.stdout.write(`${asciiJson({ engines: found, kept: alone })}\n`);
  } else if (found.length + kept.length === 0) {
    process.stdout.write('No agent is governed.\n');
  } else {
    const parts = [...found.map(describe), ...kept.map((one) => [describeKept(one)])];
    const texts = parts.map((lines) => lines.map(escapeForTerminal).join('\n'));
    process.stdout.write(`${texts.join('\n\n')}\n`);
  }
  const errors = engines.flatMap(({ error }) => error ?? []);
  return Math.max(EXIT.ok, ...errors.map(({ exitCode }) => exitCode));
}

export function statusCommand(): Command {
  return new Command('status')
    .summary('which agents are governed, and how')
    .description(
      'Shows each agent that is governed on this machine: by whom, since when, where its log is, and what is wrong.\n\n' +
        "Exit code: 0; 3 where an engine is another user's, 4 where one does not answer.",
    )
    .option('--json', 'print one JSON document')
    .action(async (flags: { json?: boolean }) => {
      process.exitCode = await status(flags);
    });
}
