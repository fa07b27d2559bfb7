import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TlsHello, TlsLibrary } from '../../../src/bpf/index.js';
import type { AgentEvent, EventDraft } from '../../../src/events/index.js';
import { TlsCoverage, whyBlind } from '../../../src/tls-coverage/index.js';
import { scratch } from '../../support/scratch.js';

const folder = scratch();
const WHO = { pid: 7, start_us: 70 };

function covered(patienceMs = 60_000): { coverage: TlsCoverage; told: EventDraft[] } {
  const told: EventDraft[] = [];
  const coverage = new TlsCoverage({
    agentId: 'unit',
    record: (event) => told.push(event),
    look: (pid, exe) => `${pid} runs ${exe}`,
    patienceMs,
  });
  return { coverage, told };
}

const network = (event_type: string, more: AgentEvent = {}): AgentEvent => ({
  ...WHO,
  event_type,
  action: 'OBSERVED',
  exe: '/bin/agent',
  dest_ip: '10.0.0.1',
  dest_port: 443,
  protocol: 'tcp',
  ...more,
});

const library = (more: Partial<TlsLibrary> = {}): TlsLibrary => ({
  msg: 'tls_library',
  ...WHO,
  library: 'openssl',
  path: '/lib/libssl.so.3',
  found: 'symbols',
  error: '',
  ...more,
});

const chunk = (coverage: TlsCoverage, direction: 'in' | 'out', bytes: number): void =>
  coverage.chunk({
    ...WHO,
    ts_us: 1,
    tid: 7,
    comm: 'agent',
    connection: '1',
    direction,
    offset: 0,
    more: 0,
    bytes: Buffer.alloc(bytes),
  });

describe('TlsCoverage', () => {
  it('says that a process is read when its sockets carried what its plaintext comes to', () => {
    const { coverage, told } = covered();
    coverage.library(library());
    coverage.event(network('network_connect'));
    chunk(coverage, 'out', 1000);
    chunk(coverage, 'in', 50_000);
    expect(told).toEqual([]);
    coverage.event(network('network_close', { bytes_in: 54_000, bytes_out: 2000 }));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({
      ...WHO,
      event_type: 'tls_coverage',
      coverage: 'read',
      plaintext_in: 50_000,
      plaintext_out: 1000,
      ciphertext_in: 54_000,
      ciphertext_out: 2000,
      tls_connections: 1,
      tls_libraries: ['openssl'],
      library_paths: ['/lib/libssl.so.3'],
      libraries_found_by: ['symbols'],
    });
    coverage.finish();
    expect(told).toHaveLength(1);
  });

  it('does not hold the libraries of the program before against the one that a process runs now', () => {
    const { coverage, told } = covered();
    coverage.library(library());
    coverage.unmapped({ msg: 'tls_unmapped', ...WHO });
    coverage.event(network('network_close', { bytes_in: 9000, bytes_out: 9000 }));
    expect(told).toMatchObject([{ coverage: 'blind', reason: '7 runs /bin/agent' }]);
    expect(told[0]).not.toHaveProperty('tls_libraries');
  });

  it('says once how a process was read that runs another program afterwards', () => {
    const { coverage, told } = covered();
    coverage.library(library());
    chunk(coverage, 'out', 1000);
    coverage.event(network('network_close', { bytes_in: 3000, bytes_out: 3000 }));
    coverage.unmapped({ msg: 'tls_unmapped', ...WHO });
    coverage.finish();
    expect(told).toMatchObject([{ coverage: 'read', tls_libraries: ['openssl'] }]);
  });

  it('says of how many connections the beginning is missing, however little that was', () => {
    const { coverage, told } = covered();
    coverage.library(library());
    coverage.peer({ connection: '1', joined: true });
    coverage.peer({ connection: '2', joined: true });
    chunk(coverage, 'out', 1000);
    coverage.peer({ connection: '1', joined: true, dest_ip: '10.0.0.1', dest_port: 443 });
    chunk(coverage, 'in', 1000);
    coverage.event(network('network_close', { bytes_in: 3000, bytes_out: 3000 }));
    expect(told).toMatchObject([
      { coverage: 'partial', tls_joined: 1, reason: expect.stringMatching(/^what went before/) },
    ]);
  });

  it('says that it is blind, and why', () => {
    const { coverage, told } = covered();
    coverage.event(network('network_close', { bytes_in: 9000, bytes_out: 9000 }));
    expect(told).toMatchObject([
      { coverage: 'blind', reason: '7 runs /bin/agent', plaintext_in: 0, exe: '/bin/agent' },
    ]);
  });

  it('says that it is blind when functions that were found without a name are not what they were taken for', () => {
    const { coverage, told } = covered();
    const searched = { library: 'boringssl', path: '/bin/agent', found: 'errors' };
    coverage.library(library(searched));
    chunk(coverage, 'out', 1000);
    coverage.library(library({ ...searched, error: 'it is another' }));
    coverage.event(network('network_close', { bytes_in: 9000, bytes_out: 1200 }));
    expect(told).toMatchObject([{ coverage: 'blind', reason: 'boringssl could not be probed (it is another)' }]);
    expect(told[0]).not.toHaveProperty('tls_libraries');
  });

  it('says that a part is missing', () => {
    const { coverage, told } = covered();
    chunk(coverage, 'in', 1000);
    coverage.event(network('network_close', { bytes_in: 900_000, bytes_out: 500 }));
    expect(told).toMatchObject([{ coverage: 'partial' }]);
  });

  it('tells more at the end when there is more, and nothing of who used no TLS', () => {
    const { coverage, told } = covered();
    coverage.event(network('network_close', { dest_port: 80, bytes_in: 1, bytes_out: 1 }));
    coverage.event(network('network_close', { bytes_in: 1, bytes_out: 1 }));
    chunk(coverage, 'in', 10);
    coverage.finish();
    expect(told.map((event) => event.plaintext_in)).toEqual([0, 10]);
  });

  it('counts any port where TLS was seen to go', () => {
    const { coverage, told } = covered();
    coverage.peer({ connection: '1', joined: false, dest_ip: '10.0.0.1', dest_port: 9000 });
    coverage.event(network('network_close', { dest_port: 9000, bytes_in: 5, bytes_out: 5 }));
    expect(told).toHaveLength(1);
  });

  const hello = (coverage: TlsCoverage, more: Partial<TlsHello> = {}): void =>
    coverage.hello({
      msg: 'tls_hello',
      connection: '0',
      ...WHO,
      ts_us: 1,
      comm: 'agent',
      local_ip: '10.0.0.9',
      local_port: 40_000,
      dest_ip: '10.0.0.1',
      dest_port: 6697,
      ...more,
    });
  const ends = { local_ip: '10.0.0.9', local_port: 40_000, dest_port: 6697 };

  it('says of a connection to any port that it is blind, when that said hello', () => {
    const { coverage, told } = covered();
    coverage.event(network('network_connect', ends));
    hello(coverage);
    coverage.event(network('network_close', { ...ends, local_port: 40_001, bytes_in: 7, bytes_out: 7 }));
    expect(told).toEqual([]);
    coverage.event(network('network_close', { ...ends, bytes_in: 9000, bytes_out: 800 }));
    expect(told).toMatchObject([{ coverage: 'blind', tls_connections: 1, ciphertext_in: 9000 }]);
    coverage.event(network('network_close', { ...ends, bytes_in: 9000, bytes_out: 800 }));
    coverage.finish();
    expect(told).toHaveLength(1);
  });

  it('counts a hello at a port of TLS once, with its connect', () => {
    const { coverage, told } = covered();
    const known = { ...ends, dest_port: 443 };
    coverage.event(network('network_connect', known));
    hello(coverage, { dest_port: 443 });
    coverage.event(network('network_close', { ...known, bytes_in: 9000, bytes_out: 800 }));
    expect(told).toMatchObject([{ tls_connections: 1 }]);
  });

  it('does not wait for the end of one that said hello and stays open', async () => {
    const { coverage, told } = covered(1);
    hello(coverage);
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]).toMatchObject({ coverage: 'blind', comm: 'agent', tls_connections: 1 });
  });

  it('takes nothing of plain HTTP for TLS', () => {
    const { coverage, told } = covered();
    coverage.peer({ connection: '1', joined: false, library: 'plain', dest_ip: '10.0.0.1', dest_port: 11_434 });
    chunk(coverage, 'out', 1000);
    coverage.event(network('network_close', { dest_port: 11_434, bytes_in: 5, bytes_out: 1000 }));
    coverage.finish();
    expect(told).toEqual([]);
  });

  it('forgets what is special of a connection with its end', () => {
    const { coverage, told } = covered();
    coverage.library(library());
    coverage.peer({ connection: '1', joined: true });
    coverage.end({ connection: '1' });
    chunk(coverage, 'out', 1000);
    coverage.finish();
    expect(told).toMatchObject([{ coverage: 'read' }]);
  });

  it('does not wait for the end of a connection that stays open', async () => {
    const { coverage, told } = covered(1);
    coverage.event(network('network_connect'));
    await expect.poll(() => told.length).toBe(1);
    expect(told[0]).toMatchObject({ coverage: 'blind' });
    expect(told[0]).not.toHaveProperty('ciphertext_in');
  });
});

describe('whyBlind', () => {
  it.each<[string, string, RegExp]>([
    ['go', '\xff Go buildinf:', /a Go program/],
    ['boring', '../../vendor/boringssl/ssl/ssl_lib.cc', /BoringSSL/],
    ['rust', 'rustls-0.23.36/src/conn.rs', /rustls/],
    ['none', 'nothing', /no TLS library/],
  ])('knows %s by its text, across the border of a block', (name, text, why) => {
    const path = join(folder, name);
    writeFileSync(path, Buffer.concat([Buffer.alloc(2 ** 20 - 7), Buffer.from(text, 'latin1'), Buffer.alloc(99)]));
    expect(whyBlind(2 ** 22, path)).toMatch(why);
  });

  it('says so when there is nothing to look at', () => {
    expect(whyBlind(2 ** 22, join(folder, 'gone'))).toMatch(/had ended/);
    expect(whyBlind(2 ** 22, undefined)).toMatch(/had ended/);
  });
});
