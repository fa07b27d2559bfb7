// What reaches beyond the tree: other processes, identities, namespaces and the kernel itself.
import { describe, expect, it } from 'vitest';
import { type Event, NR, perform, result, Script, type Session, scratch, startSubject } from '../support/index.js';

const folder = scratch();
const SIGCONT = 18;
const SIGUSR1 = 10;
const PTRACE_ATTACH = 16;
const PTRACE_DETACH = 17;

const of = ({ events }: Session, type: string): Event[] => events.filter(({ event_type }) => event_type === type);

describe('another process', () => {
  it('that is signalled is named, however it was signalled; one of the tree is not', async () => {
    const subject = await startSubject(folder, new Script().ready());
    const info = Buffer.alloc(128);
    info.writeInt32LE(SIGCONT, 0);
    info.writeInt32LE(-1, 8);
    const script = new Script()
      .call('kill', NR.kill, subject.pid, SIGCONT)
      .call('tgkill', NR.tgkill, subject.pid, subject.pid, SIGCONT)
      .call('queue', NR.rt_sigqueueinfo, subject.pid, SIGCONT, info)
      .call('pidfd=p', NR.pidfd_open, subject.pid, 0)
      .call('pidfd-kill', NR.pidfd_send_signal, result('p'), SIGCONT, 0, 0)
      .call('probe', NR.kill, subject.pid, 0)
      .fork('inside', (child) => child.raise(SIGUSR1));
    const { session, done } = await perform(folder, script);
    expect([...done].filter(([label, { status }]) => status !== 0 && label !== 'inside')).toEqual([]);
    expect(done.get('inside')?.status).toBe(-SIGUSR1);
    const signals = of(session, 'signal');
    expect(signals.filter(({ target_pid }) => target_pid !== subject.pid)).toEqual([]);
    expect(signals.filter(({ pid }) => pid !== done.get('kill')?.pid)).toEqual([]);
    // Repeats of one signal to one process may be counted.
    expect(signals.reduce((sum, { count }) => sum + (count ?? 1), 0)).toBe(4);
    expect(new Set(signals.map(({ signal }) => signal))).toEqual(new Set(['SIGCONT']));
  });

  it('that is traced or read is named', async () => {
    const subject = await startSubject(folder, new Script().ready());
    const local = Buffer.alloc(16);
    const script = new Script()
      .call('attach', NR.ptrace, PTRACE_ATTACH, subject.pid, 0, 0)
      .sleep(50)
      .call('detach', NR.ptrace, PTRACE_DETACH, subject.pid, 0, 0)
      .call('read', NR.process_vm_readv, subject.pid, local, 0, local, 0, 0)
      .call('pidfd=p', NR.pidfd_open, subject.pid, 0)
      .call('getfd', NR.pidfd_getfd, result('p'), 1, 0)
      .call('nobody', NR.ptrace, PTRACE_ATTACH, 4_194_303, 0, 0);
    const { session, done } = await perform(folder, script);
    expect([...done].filter(([, { status }]) => status !== 0).map(([label]) => label)).toEqual(['nobody']);
    const traces = of(session, 'ptrace');
    const attach = traces.filter(({ request }) => request === 'PTRACE_ATTACH');
    expect(attach.map(({ target_pid, errno }) => [target_pid, errno])).toEqual([
      [subject.pid, undefined],
      [4_194_303, 3],
    ]);
    const reads = traces.filter(({ syscall }) => syscall === 'process_vm_readv');
    expect(reads.map(({ target_pid }) => target_pid)).toEqual([subject.pid]);
    expect(traces.filter(({ syscall }) => syscall === 'pidfd_getfd').length).toBe(1);
  });
});

describe('identity and namespaces', () => {
  it('are told when they change, with what was asked and what came of it', async () => {
    const script = new Script()
      .fork('namespace', (child) => child.call('unshare', NR.unshare, 0x20000 | 0x4000000))
      .fork('enter', (child) => child.call('setns', NR.setns, -1, 0))
      .fork('user', (child) =>
        child
          .call('setgid', NR.setgid, 1234)
          .call('setresuid', NR.setresuid, 4321, 4321, 4321)
          .call('back', NR.setuid, 0),
      );
    const { session, done } = await perform(folder, script);
    const changes = of(session, 'privilege_change');
    const seen = changes.map(({ syscall, errno, value, pid }) => [syscall, errno, value, pid]);
    const ask = (syscall: string): unknown[] => seen.filter(([name]) => name === syscall);
    expect(ask('unshare').length).toBe(1);
    expect(changes.find(({ syscall }) => syscall === 'unshare')?.flags).toEqual(
      expect.arrayContaining(['CLONE_NEWNS', 'CLONE_NEWUTS']),
    );
    expect(changes.find(({ syscall }) => syscall === 'setns')?.errno).toBe(9);
    expect(ask('setgid')).toEqual([['setgid', undefined, '1234', done.get('user')?.pid]]);
    expect(changes.find(({ syscall }) => syscall === 'setresuid')?.value).toContain('4321');
    expect(changes.find(({ syscall }) => syscall === 'setuid')?.errno).toBe(1);
  });
});

describe('the kernel', () => {
  it('is told of when it is reached for, in vain or not', async () => {
    const attributes = Buffer.alloc(32);
    // BPF_MAP_CREATE of an array of one value: allowed, and gone with the process.
    for (const [at, value] of [2, 4, 4, 1].entries()) attributes.writeUInt32LE(value, 4 * at);
    const script = new Script()
      .call('map', NR.bpf, 0, attributes, attributes.length)
      .call('bad-bpf', NR.bpf, 9999, attributes, attributes.length)
      .call('module', NR.init_module, 0, 0, '')
      .call('module-fd', NR.finit_module, -1, '', 0)
      .call('perf', NR.perf_event_open, 0, 0, -1, -1, 0)
      .call('kexec', NR.kexec_load, 0, 0, 0, 0x7fff);
    const { session, done } = await perform(folder, script);
    const tries = of(session, 'kernel_tamper');
    const truth = ['map', 'bad-bpf', 'module', 'module-fd', 'perf', 'kexec'].map((label) => done.get(label)?.status);
    expect(tries.map(({ errno }) => errno ?? 0)).toEqual(truth);
    expect(tries.map(({ syscall }) => syscall)).toEqual([
      'bpf',
      'bpf',
      'init_module',
      'finit_module',
      'perf_event_open',
      'kexec_load',
    ]);
    expect(truth[0]).toBe(0);
  });
});
