// What a SIEM gets: each event on a line of its own, each field exactly as it is in the log.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { EVENT_TYPES, FIELDS } from '../../../src/events/index.js';
import { FORMATS } from '../../../src/export/index.js';
import { folder } from '../audit/logs.js';
import { exported, HOSTILE } from './records.js';

vi.setConfig({ testTimeout: 60_000 });

const hostile = HOSTILE.map((text) => ({ event_type: 'file_open', path: text, comm: text, argv: ['sh', text] }));

describe('every format', () => {
  it.each(['ocsf', 'ecs', 'cef'] as const)('%s puts each event on one line', async (format) => {
    for (const { text } of await exported(hostile, format)) {
      expect(text.split(/[\n\r\u0085\u2028\u2029]/)).toHaveLength(1);
    }
  });

  it.each(['ocsf', 'ecs', 'cef', 'csv'] as const)(
    '%s has a place for each type of event and each action',
    async (format) => {
      const types = Object.keys(EVENT_TYPES).map((event_type) => ({ event_type }));
      const actions = ['OBSERVED', 'ALLOWED', 'WOULD_BLOCK', 'WOULD_HOLD', 'BLOCKED', 'HELD'].map((action) => ({
        event_type: 'file_open',
        action,
      }));
      const events = await exported(
        [...types, ...actions, { event_type: 'of_tomorrow', field_of_tomorrow: 'x' }],
        format,
      );
      for (const { text, event } of events) expect(text).toContain(String(event.event_type));
      expect(events.at(-1)?.text).toMatch(/field.?of.?tomorrow/i);
    },
  );
});

describe('csv', () => {
  it('is read back by another program, field by field', async () => {
    const events = await exported(hostile, 'csv');
    const file = join(folder(), 'audit.csv');
    writeFileSync(file, `${[FORMATS.csv.header, ...events.map(({ text }) => text)].join('\n')}\n`);
    const program =
      'import csv, json, sys\nprint(json.dumps(list(csv.DictReader(open(sys.argv[1], newline=""), strict=True))))';
    const { stdout, stderr } = spawnSync('python3', ['-c', program, file], { encoding: 'utf8' });
    expect(stderr).toBe('');
    const rows = JSON.parse(stdout) as Array<Record<string, string>>;
    expect(Object.keys(rows[0] ?? {})).toEqual([...Object.keys(FIELDS), 'other']);
    const own = (cell = ''): string => cell.replace(/^'/, '');
    expect(rows.map(({ path }) => own(path))).toEqual(HOSTILE);
    expect(rows.map(({ comm }) => own(comm))).toEqual(HOSTILE);
    expect(rows.map(({ argv = '' }) => JSON.parse(argv) as unknown)).toEqual(HOSTILE.map((text) => ['sh', text]));
    // No cell is a formula.
    for (const { path = '' } of rows) expect(path.trimStart()).not.toMatch(/^[=+\-@\uff1d]/);
  });

  it('leaves numbers what they are', async () => {
    const [event] = await exported([{ event_type: 'signal', target_pid: -5, extra: 7 }], 'csv');
    expect(event?.text).toContain(',-5,');
    expect(event?.text.endsWith(',"{""extra"":7}"\r')).toBe(true);
  });
});

/** What a receiver makes of a CEF line: the seven fields of the header and the members of the extension. */
function parseCef(text: string): { header: string[]; extension: Record<string, string> } {
  const fields = /^((?:(?:[^\\|]|\\.)*\|){7})(.*)$/s.exec(text);
  const header =
    (fields?.[1] ?? '')
      .match(/(?:[^\\|]|\\.)*(?=\|)/gs)
      ?.filter((_, index, all) => index % 2 === 0 || all[index] !== '') ?? [];
  const extension: Record<string, string> = {};
  for (const [, key = '', value = ''] of (fields?.[2] ?? '').matchAll(
    /(?:^| )([A-Za-z0-9]+)=((?:[^\\=]|\\.)*?)(?=(?: [A-Za-z0-9]+=)|$)/gs,
  )) {
    extension[key] = value.replace(/\\(.)/gs, (_, what: string) => (what === 'n' ? '\n' : what === 'r' ? '\r' : what));
  }
  return { header, extension };
}

describe('cef', () => {
  it('is read back field by field, and no field becomes another', async () => {
    for (const [index, { text }] of (await exported(hostile, 'cef')).entries()) {
      const { header, extension } = parseCef(text);
      expect(header.slice(0, 3)).toEqual(['CEF:0', 'agentgov', 'agentgov']);
      expect(header[4]).toBe('file_open');
      expect(extension).toMatchObject({ act: 'OBSERVED', spid: '4000', cs1: 'finance-agent', cs1Label: 'agent_id' });
      const wanted = (HOSTILE[index] ?? '').replace(
        // What a line may not hold comes as the log spells it.
        /(?![\n\r])[\p{Cc}\p{Zl}\p{Zp}]/gu,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      expect(extension.filePath).toBe(wanted);
      expect(extension.cs5).toBe(wanted);
    }
  });

  it('escapes the header by rules of its own', async () => {
    const [event] = await exported([{ event_type: 'session_start', version: '1|2\\3\n4=5', host: 'box' }], 'cef');
    expect(event?.text.startsWith('CEF:0|agentgov|agentgov|1\\|2\\\\3\\\\u000a4=5|session_start|')).toBe(true);
  });

  it('says how bad it is', async () => {
    const events = await exported(
      ['OBSERVED', 'WOULD_BLOCK', 'BLOCKED'].map((action) => ({ event_type: 'file_open', action })),
      'cef',
    );
    expect(events.map(({ text }) => text.split('|')[6])).toEqual(['1', '5', '8']);
  });
});

const session = { event_type: 'session_start', host: 'box', boot_id: 'boot-1', kernel: '6.12', version: '9.8.7' };

describe('ocsf', () => {
  const documents = async (records: Array<Record<string, unknown>>) =>
    (await exported(records, 'ocsf')).map(({ text }) => JSON.parse(text) as Record<string, unknown>);

  const cases: Array<[Record<string, unknown>, number, number]> = [
    [{ event_type: 'process_fork', ppid: 1 }, 1007, 1],
    [{ event_type: 'process_exec', exe: '/bin/sh', argv: ['sh'] }, 1007, 1],
    [{ event_type: 'process_exit', exit_code: 1 }, 1007, 2],
    [{ event_type: 'ptrace', target_pid: 7, request: 'PTRACE_ATTACH' }, 1007, 3],
    [{ event_type: 'ptrace', target_pid: 7, request: 'PTRACE_POKETEXT' }, 1007, 4],
    [{ event_type: 'privilege_change', syscall: 'setresuid' }, 1007, 5],
    [{ event_type: 'privilege_change', syscall: 'unshare' }, 1007, 99],
    [{ event_type: 'signal', signal: 'SIGKILL', target_pid: 7 }, 1007, 2],
    [{ event_type: 'file_open', path: '/a' }, 1001, 14],
    [{ event_type: 'file_create', path: '/a' }, 1001, 1],
    [{ event_type: 'file_delete', path: '/a' }, 1001, 4],
    [{ event_type: 'file_rename', path: '/a', path_to: '/b' }, 1001, 5],
    [{ event_type: 'file_truncate', path: '/a' }, 1001, 3],
    [{ event_type: 'file_attr', path: '/a', syscall: 'fchmodat' }, 1001, 7],
    [{ event_type: 'file_attr', path: '/a', syscall: 'utimensat' }, 1001, 6],
    [{ event_type: 'mount', path: '/a', syscall: 'umount2' }, 1001, 13],
    [{ event_type: 'network_connect', dest_ip: '192.0.2.1', dest_port: 443 }, 4001, 1],
    [{ event_type: 'network_connect', dest_ip: '192.0.2.1', dest_port: 443, errno: 115 }, 4001, 1],
    [{ event_type: 'network_connect', dest_ip: '192.0.2.1', dest_port: 443, errno: 111 }, 4001, 5],
    [{ event_type: 'network_connect', dest_ip: '192.0.2.1', dest_port: 443, errno: 113 }, 4001, 4],
    [{ event_type: 'network_close', dest_ip: '192.0.2.1', bytes_in: 5, bytes_out: 6 }, 4001, 2],
    [{ event_type: 'network_listen', local_ip: '0.0.0.0', local_port: 80 }, 4001, 7],
    [{ event_type: 'unix_connect', path: '/run/docker.sock' }, 4001, 1],
    [{ event_type: 'dns_answer', dest_domain: 'a.example', server_ip: '192.0.2.53' }, 4003, 2],
    [{ event_type: 'kernel_tamper', syscall: 'bpf' }, 1003, 4],
    [{ event_type: 'session_end' }, 1008, 7],
    [{ event_type: 'events_lost', count: 5 }, 1008, 99],
    [{ event_type: 'of_tomorrow' }, 0, 99],
  ];
  it.each(cases)('%o is of class %i, activity %i', async (record, classUid, activity) => {
    const [first, document] = await documents([session, record]);
    expect(document).toMatchObject({
      class_uid: classUid,
      category_uid: Math.floor(classUid / 1000),
      activity_id: activity,
      type_uid: classUid * 100 + activity,
      time: Date.parse('2026-04-14T09:23:01.234Z'),
      metadata: { version: '1.5.0', product: { name: 'agentgov', version: '9.8.7' }, sequence: 2 },
      device: { hostname: 'box', uid: 'boot-1', type_id: 0 },
      actor: { process: {} },
      unmapped: record,
    });
    expect(first).toMatchObject({ class_uid: 1008, activity_id: 6 });
    // What the class asks for.
    const needed = { 1001: 'file', 1003: 'kernel', 1007: 'process', 1008: 'log_name' }[classUid];
    if (needed !== undefined) expect(document).toHaveProperty(needed);
    if (classUid >= 4001) expect(document?.dst_endpoint ?? document?.src_endpoint).toBeDefined();
  });

  it('says who did what, and what came of it', async () => {
    const [, exec, connect, held] = await documents([
      session,
      {
        event_type: 'process_exec',
        comm: 'sh',
        exe: '/bin/sh',
        argv: ['sh', '-c', "it's"],
        uid: 1000,
        ppid: 3,
        start_us: 77,
      },
      {
        event_type: 'network_connect',
        dest_ip: '2001:db8::1',
        dest_port: 443,
        dest_domain: 'a.example',
        protocol: 'tcp',
        errno: 1,
        action: 'BLOCKED',
        policy_rule: 'r1',
      },
      { event_type: 'file_open', path: '/a', action: 'WOULD_BLOCK', count: 3 },
    ]);
    expect(exec).toMatchObject({
      status_id: 1,
      severity_id: 1,
      process: {
        pid: 4000,
        uid: '4000-77',
        name: 'sh',
        cmd_line: "sh -c 'it'\\''s'",
        file: { path: '/bin/sh', name: 'sh', type_id: 1 },
        parent_process: { pid: 3 },
        user: { uid: '1000' },
      },
    });
    expect(connect).toMatchObject({
      status_id: 2,
      status_code: 'EPERM',
      severity_id: 4,
      action_id: 2,
      disposition_id: 2,
      policy: { name: 'r1' },
      dst_endpoint: { ip: '2001:db8::1', port: 443, hostname: 'a.example' },
      connection_info: { direction_id: 2, protocol_name: 'tcp', protocol_num: 6, protocol_ver_id: 6 },
      metadata: { profiles: ['host', 'container', 'security_control'] },
    });
    expect(held).toMatchObject({ action_id: 1, disposition_id: 15, severity_id: 3, count: 3 });
  });
});

describe('ecs', () => {
  it('uses the names and values of the schema, and keeps the whole event', async () => {
    const events = await exported(
      [
        session,
        {
          event_type: 'process_exec',
          comm: 'sh',
          exe: '/bin/sh',
          argv: ['sh', '-c', 'a b'],
          cwd: '/w',
          uid: 0,
          ppid: 3,
          start_us: 77,
        },
        { event_type: 'file_open', path: '/home/a/report.tar.gz', errno: 2 },
        {
          event_type: 'network_close',
          dest_ip: '192.0.2.1',
          dest_port: 443,
          dest_domain: 'a.example',
          local_ip: '10.0.0.1',
          local_port: 5,
          protocol: 'tcp',
          bytes_in: 5,
          bytes_out: 6,
        },
        {
          event_type: 'dns_answer',
          dest_domain: 'a.example',
          query_type: 'A',
          server_ip: '192.0.2.53',
          server_port: 53,
          rcode: 'NOERROR',
          answers: ['A 192.0.2.1'],
          protocol: 'udp',
        },
        { event_type: 'file_open', path: '/', action: 'BLOCKED', policy_rule: 'r1' },
      ],
      'ecs',
    );
    const [, exec, open, close, dns, blocked] = events.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
    expect(exec).toMatchObject({
      '@timestamp': '2026-04-14T09:23:01.234Z',
      event: {
        kind: 'event',
        category: ['process'],
        type: ['start'],
        action: 'process_exec',
        outcome: 'success',
        sequence: 2,
      },
      host: { hostname: 'box', boot: { id: 'boot-1' } },
      process: {
        pid: 4000,
        entity_id: 'boot-1-4000-77',
        parent: { pid: 3 },
        executable: '/bin/sh',
        args: ['sh', '-c', 'a b'],
        args_count: 3,
        command_line: "sh -c 'a b'",
        working_directory: '/w',
      },
      user: { id: '0' },
    });
    expect(exec?.agentgov).toEqual(events[1]?.event);
    expect(open).toMatchObject({
      event: { category: ['file'], outcome: 'failure' },
      error: { code: '2', type: 'ENOENT' },
      file: { path: '/home/a/report.tar.gz', name: 'report.tar.gz', directory: '/home/a', extension: 'gz' },
    });
    expect(close).toMatchObject({
      event: { category: ['network'], type: ['connection', 'end'] },
      network: { transport: 'tcp', type: 'ipv4', direction: 'egress', bytes: 11 },
      source: { ip: '10.0.0.1', port: 5, bytes: 6 },
      destination: { ip: '192.0.2.1', port: 443, domain: 'a.example', address: 'a.example', bytes: 5 },
      related: { ip: ['10.0.0.1', '192.0.2.1'], hosts: ['a.example'] },
    });
    expect(dns).toMatchObject({
      dns: {
        type: 'answer',
        question: { name: 'a.example', type: 'A' },
        response_code: 'NOERROR',
        resolved_ip: ['192.0.2.1'],
      },
    });
    expect(blocked).toMatchObject({
      event: { kind: 'alert', type: ['access', 'denied'], outcome: 'failure' },
      rule: { name: 'r1' },
    });
  });
});
