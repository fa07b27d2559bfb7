import { expect, it } from 'vitest';
import type { Tls } from '../../../src/bpf/protocol.js';
import { parseControl } from '../../../src/bpf/protocol.js';
import { TlsReader } from '../../../src/bpf/tls.js';

const of = (connection: string) => ({ connection, pid: 7, start_us: 70, ts_us: 700 });

const behind = (pieces: Buffer[], at: number): number =>
  pieces.slice(at + 1).reduce((sum, { length }) => sum + length, 0);

function read(messages: Tls[], limit?: number, pieces: Buffer[] = []): unknown[] {
  const told: unknown[] = [];
  const reader = new TlsReader(
    {
      chunk: (chunk) => told.push(['chunk', chunk]),
      peer: (peer) => told.push(['peer', peer]),
      end: ({ connection }) => told.push(['end', connection]),
    },
    limit,
  );
  for (const message of messages) {
    if (message.msg !== 'tls_data') reader.read(message);
    else for (const [at, piece] of pieces.entries()) reader.data(message, piece, behind(pieces, at));
  }
  return told;
}

it('tells bytes as they come, and of the other end all that is known so far', () => {
  const chunk = { ...of('5'), tid: 8, comm: 'curl', direction: 'out' };
  const line = JSON.stringify({ msg: 'tls_data', ...chunk, offset: 10, more: 3, bytes: 3 });
  expect(
    read(
      [
        { msg: 'tls_begin', ...of('5'), joined: false, library: 'openssl' },
        { msg: 'tls_name', ...of('5'), name: 'a.test' },
        { msg: 'tls_peer', ...of('5'), dest_ip: '10.0.0.1', dest_port: 443, local_ip: '10.0.0.2', local_port: 40_001 },
        parseControl(line) as Tls,
        { msg: 'tls_end', ...of('5') },
        { msg: 'tls_end', ...of('5') },
      ],
      undefined,
      [Buffer.from([0, 255]), Buffer.from([13])],
    ),
  ).toEqual([
    ['peer', { connection: '5', joined: false, library: 'openssl' }],
    ['peer', { connection: '5', joined: false, library: 'openssl', server_name: 'a.test' }],
    [
      'peer',
      {
        connection: '5',
        joined: false,
        library: 'openssl',
        server_name: 'a.test',
        dest_ip: '10.0.0.1',
        dest_port: 443,
        local_ip: '10.0.0.2',
        local_port: 40_001,
      },
    ],
    ['chunk', { ...chunk, offset: 10, bytes: Buffer.from([0, 255]), more: 4 }],
    ['chunk', { ...chunk, offset: 12, bytes: Buffer.from([13]), more: 3 }],
    ['end', '5'],
  ]);
});

it('ends each connection of a process with it, and of no other one', () => {
  const begin = (connection: string, pid: number): Tls => ({ msg: 'tls_begin', ...of(connection), pid, joined: true });
  const told = read([begin('1', 7), begin('2', 8), begin('3', 7), { msg: 'tls_end', ...of('0') }]);
  expect(told.slice(3)).toEqual([
    ['end', '1'],
    ['end', '3'],
  ]);
});

it('ends the oldest when there are too many', () => {
  const begin = (connection: string): Tls => ({ msg: 'tls_begin', ...of(connection), joined: false });
  expect(read([begin('1'), begin('2'), begin('3')], 2)[2]).toEqual(['end', '1']);
});

it('takes no message that lacks what its kind has', () => {
  const whole = { msg: 'tls_begin', ...of('1'), joined: false };
  expect(parseControl(JSON.stringify(whole))).toBeDefined();
  expect(parseControl(JSON.stringify({ ...whole, joined: 'no' }))).toBeUndefined();
  expect(parseControl(JSON.stringify({ ...whole, connection: 1 }))).toBeUndefined();
  expect(parseControl(JSON.stringify({ ...whole, library: 2 }))).toBeUndefined();
});
