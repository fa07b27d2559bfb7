import { statSync } from 'node:fs';
import chalk from 'chalk';
import { Command } from 'commander';
import { asciiJson } from '../ascii-json.js';
import { findLoader, type KernelReport, probe } from '../bpf/index.js';
import { EXIT } from '../errors.js';
import { escapeForTerminal } from '../output/index.js';
import { VERSION } from '../package.js';
import { describeKept, keptAlone } from './kept.js';
import { oneOf } from './values.js';

/** From the best to the least. `launch` is a way of starting an agent, so no kernel is "in" it. */
const TIERS = ['lsm', 'hook', 'observe'] as const;
type Tier = (typeof TIERS)[number];

interface Diagnosis extends KernelReport {
  version: string;
  loader: string;
  /** The best tier that works; absent when none does. */
  tier?: Tier;
  /** What to do for a better tier, or to be told about this one. */
  advice: string[];
}

/** Preemption models under which a task can be interrupted inside a program. */
const isPreemptible = (model: string): boolean => model === 'full' || model === 'lazy';

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}

function advise(report: KernelReport, tier: Tier | undefined): string[] {
  const missing = ['CAP_BPF', 'CAP_PERFMON'].filter((name) => report.caps[name] === false);
  if (missing.length > 0) {
    return [`This process lacks ${missing.join(' and ')}, so nothing could be tried; run: sudo agentgov doctor`];
  }
  const advice: string[] = [];
  if (!report.btf) {
    advice.push('The kernel has no BTF (/sys/kernel/btf/vmlinux); use one built with CONFIG_DEBUG_INFO_BTF=y.');
  }
  if (tier === 'hook' && isPreemptible(report.preempt)) {
    advice.push(
      `Not airtight: preemptible kernel (preempt=${report.preempt}); boot with preempt=voluntary, or get tier lsm.`,
    );
  }
  if (tier !== 'lsm' && report.btf) advice.push(betterTier(report));
  if (tier === undefined && !exists('/sys/kernel/tracing/events') && !exists('/sys/kernel/debug/tracing/events')) {
    advice.push('tracefs is not mounted; try: mount -t tracefs none /sys/kernel/tracing');
  }
  return advice;
}

/** A boot parameter helps only where the programs can be loaded: else something refuses them, whatever is in the list. */
function betterTier({ lsm, tiers }: KernelReport): string {
  const modules = lsm === '' ? [] : lsm.split(',');
  const isRefused = tiers.lsm?.ok === false && tiers.hook?.ok === false;
  if (isRefused || modules.includes('bpf')) {
    return 'This kernel refuses the programs of the better tiers to this process (a sandbox, a container or lockdown is in the way); on the bare host it may allow them.';
  }
  const list = lsm === '' ? 'lsm= with ",bpf" behind the list that it has now' : `lsm=${[...modules, 'bpf'].join(',')}`;
  return `For tier lsm, boot with the kernel parameter ${list} (on GRUB: GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub).`;
}

async function diagnose(): Promise<Diagnosis> {
  const loader = findLoader();
  const report = await probe(loader);
  const tier = TIERS.find((name) => report.tiers[name]?.ok === true);
  return {
    ...report,
    version: VERSION,
    loader,
    ...(tier === undefined ? {} : { tier }),
    advice: [...advise(report, tier), ...(await keptAlone()).map(describeKept)],
  };
}

const mark = (ok: boolean): string => (ok ? chalk.green('yes') : chalk.red('no '));

function print({ kernel, btf, lockdown, preempt, lsm, tier, tiers, probes, caps, advice }: Diagnosis): void {
  const facts: [string, string][] = [
    ['kernel', kernel],
    ['BTF', btf ? 'yes' : 'no'],
    ['preemption', preempt],
    ['security modules', lsm === '' ? 'not readable' : lsm],
    ['lockdown', lockdown],
    ['missing capabilities', missingCaps(caps)],
    ['tier', tier ?? 'none'],
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(22)}${escapeForTerminal(value)}`);
  lines.push('', `${'tier'.padEnd(12)}works  why`);
  for (const name of TIERS) {
    const report = tiers[name];
    if (report) lines.push(`${name.padEnd(12)}${mark(report.ok)}    ${escapeForTerminal(report.why)}`);
  }
  const width = Math.max(...probes.map(({ name }) => name.length), 5) + 2;
  lines.push('', `${'probe'.padEnd(width)}attached  fired  why`);
  for (const { name, attached, fired, why } of probes) {
    lines.push(
      `${escapeForTerminal(name).padEnd(width)}${mark(attached)}       ${mark(fired)}    ${escapeForTerminal(why)}`,
    );
  }
  if (advice.length > 0) lines.push('', ...advice.map((text) => `• ${escapeForTerminal(text)}`));
  process.stdout.write(`${lines.join('\n')}\n`);
}

function missingCaps(caps: Record<string, boolean>): string {
  const missing = Object.keys(caps).filter((name) => !caps[name]);
  return missing.length === 0 ? 'none' : missing.join(', ');
}

async function doctor({ json, require }: { json?: boolean; require?: Tier }): Promise<number> {
  const diagnosis = await diagnose();
  if (json) process.stdout.write(`${asciiJson(diagnosis)}\n`);
  else print(diagnosis);
  const { tier } = diagnosis;
  const needed = require ?? 'observe';
  return tier !== undefined && TIERS.indexOf(tier) <= TIERS.indexOf(needed) ? EXIT.ok : EXIT.unavailable;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('what this kernel can do, and how to get more from it')
    .description(
      'Tries what this kernel can do: loads each probe, provokes what it is to see, and says whether it fired.\n\n' +
        'Exit code: 0 when at least tier observe works (or the one of --require), else 3.',
    )
    .option('--json', 'print one JSON document')
    .option(
      '--require <tier>',
      `exit 3 when this machine has less than: ${TIERS.join(', ')}`,
      oneOf('--require', TIERS),
    )
    .action(async (flags: { json?: boolean; require?: Tier }) => {
      process.exitCode = await doctor(flags);
    });
}
