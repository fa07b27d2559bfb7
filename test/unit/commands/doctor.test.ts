import { describe, expect, it, vi } from 'vitest';
import { install, run } from '../engine/installed.js';

vi.setConfig({ testTimeout: 30_000 });

const CAPS = { CAP_BPF: true, CAP_PERFMON: true, CAP_KILL: true };
const tier = (ok: boolean, why = ok ? 'provoked and denied' : 'no') => ({ ok, why });
const report = (over: Record<string, unknown> = {}) => ({
  kernel: '6.12.1',
  btf: true,
  lockdown: 'none',
  caps: CAPS,
  preempt: 'voluntary',
  lsm: 'capability,landlock',
  tiers: { lsm: tier(false, 'it never ran'), hook: tier(true), observe: tier(true) },
  probes: [{ name: 'sched_process_exec', attached: true, fired: true, why: 'provoked and seen' }],
  ...over,
});
const doctor = (probe: unknown, ...words: string[]) => run(install({ probe }), 'doctor', ...words);

describe('doctor', () => {
  it('names the best tier that works, why no better one, and how to get it', async () => {
    const { code, stdout, stderr } = await doctor(report());
    expect(code, stderr).toBe(0);
    const text = stdout.toString();
    expect(text).toMatch(/^tier +hook$/m);
    expect(text).toMatch(/^lsm +no +it never ran$/m);
    expect(text).toMatch(/^sched_process_exec +yes +yes +provoked and seen$/m);
    expect(text).toContain('lsm=capability,landlock,bpf');
    expect(text).not.toMatch(/airtight/);
  });

  it('says where hook is not airtight', async () => {
    for (const preempt of ['full', 'lazy']) {
      expect((await doctor(report({ preempt }))).stdout.toString()).toMatch(/Not airtight: preemptible kernel/);
    }
    const lsm = report({ preempt: 'full', tiers: { lsm: tier(true), hook: tier(true), observe: tier(true) } });
    expect((await doctor(lsm)).stdout.toString()).not.toMatch(/airtight/);
  });

  it('does not send people to their boot loader where the kernel refuses the programs', async () => {
    const refused = 'the program could not be loaded: Operation not permitted';
    const tiers = { lsm: tier(false, refused), hook: tier(false, refused), observe: tier(true) };
    const { code, stdout } = await doctor(report({ tiers, lsm: '' }));
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/refuses the programs of the better tiers/);
    expect(stdout.toString()).not.toMatch(/GRUB/);
  });

  it('prints one JSON document', async () => {
    const { stdout } = await doctor(report(), '--json');
    const document = JSON.parse(stdout.toString()) as Record<string, unknown>;
    expect(document).toMatchObject({ tier: 'hook', tiers: { observe: { ok: true } }, kernel: '6.12.1' });
    expect(document.advice).toHaveLength(1);
  });

  it.each([
    ['lsm', 3],
    ['hook', 0],
    ['observe', 0],
  ])('--require %s on a machine with hook: %i', async (require, code) => {
    expect((await doctor(report(), '--require', require)).code).toBe(code);
  });

  it('says which capability is missing, and ends with 3', async () => {
    const why = 'Governing needs CAP_BPF and CAP_PERFMON';
    const none = { lsm: tier(false, why), hook: tier(false, why), observe: tier(false, why) };
    const { code, stdout } = await doctor(
      report({ tiers: none, caps: { CAP_BPF: false, CAP_PERFMON: false, CAP_KILL: true } }),
    );
    expect(code).toBe(3);
    expect(stdout.toString()).toMatch(/lacks CAP_BPF and CAP_PERFMON/);
    expect(stdout.toString()).not.toMatch(/GRUB/);
  });

  it.each([[undefined], ['text'], [{ kernel: 1 }], [report({ probes: [{}] })]])(
    'does not believe %j',
    async (probe) => {
      const { code, stderr } = await doctor(probe);
      expect(code).toBe(4);
      expect(stderr).toMatch(/^agentgov: The loader \S+ could not look at this kernel: .*\n$/);
    },
  );
});
