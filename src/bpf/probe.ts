import { AgentgovError, EXIT } from '../errors.js';
import { loadExeca } from '../execa.js';

export interface TierReport {
  ok: boolean;
  why: string;
}

export interface ProbeReport {
  name: string;
  attached: boolean;
  /** An operation that must trigger it was provoked, and its record came back. */
  fired: boolean;
  why: string;
}

/** What this kernel can do, as `agentgov-loader probe` found out by trying. */
export interface KernelReport {
  kernel: string;
  btf: boolean;
  lockdown: string;
  /** Capability name → held by this process. */
  caps: Record<string, boolean>;
  preempt: string;
  /** Text of /sys/kernel/security/lsm, empty when it cannot be read. */
  lsm: string;
  tiers: Record<string, TierReport>;
  probes: ProbeReport[];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';

function isReport(value: unknown): value is KernelReport {
  return (
    isObject(value) &&
    [value.kernel, value.lockdown, value.preempt, value.lsm].every(isText) &&
    isFlag(value.btf) &&
    isObject(value.caps) &&
    Object.values(value.caps).every(isFlag) &&
    isObject(value.tiers) &&
    Object.values(value.tiers).every((tier) => isObject(tier) && isFlag(tier.ok) && isText(tier.why)) &&
    Array.isArray(value.probes) &&
    value.probes.every(
      (probe) =>
        isObject(probe) && isText(probe.name) && isFlag(probe.attached) && isFlag(probe.fired) && isText(probe.why),
    )
  );
}

/**
 * Asks the loader what works here. Missing privileges are part of the answer, not an error.
 * @throws AgentgovError exit 4 when the loader gives no answer that can be read.
 */
export async function probe(path: string): Promise<KernelReport> {
  const execa = await loadExeca();
  const result = await execa(path, ['probe', '--json'], {
    reject: false,
    extendEnv: false,
    env: {},
    cwd: '/',
    stdin: 'ignore',
    timeout: 120_000,
    maxBuffer: 1 << 20,
  });
  let report: unknown;
  try {
    report = JSON.parse(result.stdout);
  } catch {
    report = undefined;
  }
  if (isReport(report)) return report;
  const said = result.stderr.trim().split('\n').at(-1) || result.shortMessage || 'its answer cannot be read';
  throw new AgentgovError(`The loader ${path} could not look at this kernel: ${said}.`, EXIT.internal);
}
