import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonical } from '../../../src/audit/index.js';
import { type AgentEvent, mayHoldSecret, openRedactor } from '../../../src/events/index.js';
import { secretsInText } from '../../../src/events/secrets/text.js';
import { cpuMs } from '../../cpu.js';
import { random, scaled } from '../../scale.js';

const { redact } = openRedactor({ keyFile: join(mkdtempSync(join(tmpdir(), 'agentgov-')), 'key') });

/** What secrets are made of and what stands around them, so that random texts come close to every rule. */
const RUN = 'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2dE4fG6hJ8k';
const KEYS =
  'sk-ant- sk-proj- sk- AIza ya29. GOCSPX- IQoJb3JpZ2lu ghp_ github_pat_ glpat- xoxb- xapp- sk_live_ whsec_ npm_ pypi- hf_ gsk_ xai-';
const ATOMS = [
  ...KEYS.split(' '),
  ...KEYS.split(' ').map((prefix) => prefix + RUN),
  ...'AKIAIOSFODNN7EXAMPLE eyJ .eyJ eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc https://hooks.slack.com/services/T'.split(
    ' ',
  ),
  ...`hvs. SG. hvs.${RUN} SG.${RUN}.${RUN} dop_v1_ ${'0123456789abcdef'.repeat(2)} dckr_pat_ shpat_ sq0atp- r8_ lin_api_ nvapi-`.split(
    ' ',
  ),
  ...`tskey-auth- ATATT3 12345678:AA /webhooks/123456789012345678/ AGE-SECRET-KEY-1 ${'QPZRY'.repeat(10)}`.split(' '),
  ...'-----BEGIN|-----BEGIN RSA PRIVATE KEY-----|-----BEGIN |-----END'.split('|'),
  ...'--password --Api-Key --token -p password PGPASSWORD MYSQL_PWD accessKeyId SID session_id TOKEN'.split(' '),
  ...'Authorization AUTHORIZATION x-api-key X-API-KEY Set-Cookie Bearer Basic mysql curl -u login'.split(' '),
  ...'https:// postgres://me: :// @ @host ? & ; = : :: / " \' ` $ $( ) | < > # % , [ ] {'.split(' '),
  ...[': ', ' ', '\t', '\n', '\r', '  ', '\\', '\\"', '\\\\\\"', '\\xff', '\\x5cx41'],
  ...['\u00a0', 'é', '\u202e', '😀', '\ud800', '\u0000', '\u007f', '\u2028', '\ufeff'],
  ...`abc hunter2 0123456789 A1b2C3d4E5f6G7h8I9j0 ABCDEFGHIJKLMNOP . - _ ${'a'.repeat(40)}1`.split(' '),
];

function texts(label: string) {
  const draw = random(label);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(draw() * items.length)] as T;
  return () => Array.from({ length: 1 + Math.floor(draw() * 7) }, () => pick(ATOMS)).join('');
}

describe('mayHoldSecret', { timeout: 60_000 }, () => {
  it('is true for every line that redaction changes', () => {
    const text = texts('cue: lines');
    let changed = 0;
    for (let i = 0; i < scaled(300_000); i++) {
      const names = ['path', 'path_to', 'exe', 'comm', 'cwd', 'value', 'dest_domain', 'reason', 'unknown'];
      const event: AgentEvent = { event_type: 'file_open', pid: i, [names[i % names.length] as string]: text() };
      if (i % 10 === 0) event.argv = [text(), text(), text()];
      if (i % 11 === 0) event.answers = [text(), text()];
      if (redact(event) === event) continue;
      changed++;
      const line = canonical(event);
      if (!mayHoldSecret(line)) expect.fail(`no cue in ${line}`);
    }
    expect(changed).toBeGreaterThan(scaled(300_000) / 20);
  });

  // redact() itself asks mayHoldSecret about each text, so the rules are compared without it, in both spellings.
  it.each(['path', 'words'] as const)('is true for every %s in which a rule finds something', (kind) => {
    const text = texts(`cue: ${kind}`);
    let found = 0;
    for (let i = 0; i < scaled(500_000); i++) {
      const one = text();
      if (secretsInText(one, kind).length === 0) continue;
      found++;
      if (!mayHoldSecret(one)) expect.fail(`no cue in ${JSON.stringify(one)}`);
      if (!mayHoldSecret(canonical({ path: one }))) expect.fail(`no cue in the line of ${JSON.stringify(one)}`);
    }
    expect(found).toBeGreaterThan(scaled(500_000) / 20);
  });

  it('is false for the usual', () => {
    for (const path of [
      '/home/dev/node_modules/js-tokens/index.js',
      '/home/dev/node_modules/undici-types/global-dispatcher.d.ts',
      '/usr/lib/python3.11/site-packages/pip/_vendor/urllib3/util/ssl_match_hostname.py',
      '/sys/devices/pci0000:00/0000:00:1f.2/uevent',
      '/home/dev/.ssh/known_hosts',
    ]) {
      expect(
        mayHoldSecret(
          canonical({ event_type: 'file_open', flags: ['O_CREAT'], path, timestamp: '2026-04-14T09:23:01.234Z' }),
        ),
      ).toBe(false);
    }
  });

  it('looks at every command line', () =>
    expect(mayHoldSecret(canonical({ event_type: 'process_exec', argv: ['mysql', '-px'] }))).toBe(true));
});

describe('redaction of what an attacker writes', { timeout: 60_000 }, () => {
  /** Repeats that would be quadratic or worse for a rule that reads on after it has failed. */
  const evil = [
    ...'- -- --a --token a " \\ \\" \' = key= key=# token= token=$ token=" token=\' token=\\" token=${ x-key: x-key:${'.split(
      ' ',
    ),
    ...'"token": "key":"a Authorization: "Cookie: :// ://a: ://@ @ ?key= &key=aaaaaaaaaaaaaaaa/ ?token='.split(' '),
    ...'eyJ eyJaaaaaaaaaa eyJaaaaaaaaaa. sk- sk-aaaaaaaa sk-ant- AKIA pass: $( ` ( \n hooks.slack.com/services/T'.split(
      ' ',
    ),
    ...[
      'Cookie: $(',
      '$(Authorization: ',
      'password = "',
      'password = \\"',
      '\npassword: ',
      '\n- token: a',
      ' login a password ',
      '://a:b',
      '://a:b/@',
      '://a:b/ ',
      'curl -s',
      ' set token ',
      '--token ',
      '--token $a ',
      '--password --password ',
      ' ',
      'x-key: "',
      '"token": "',
      'Authorization: a ',
      'Cookie: ',
    ],
    ...[
      '-----BEGIN ',
      '-----BEGIN A PRIVATE KEY-----',
      '-----BEGIN A A A A A ',
      'bearer ',
      'bearer        ',
      'bearer a',
    ],
    ...['curl -u a:', 'mysql -p', '_authToken ', '[redacted:a:0123456789abcdef]'],
  ];
  const redactAll = (body: string): number =>
    cpuMs(() => {
      redact({ argv: ['sh', '-c', body, '--password', body], path: body, reason: body });
      mayHoldSecret(canonical({ path: body }));
    });
  const best = (body: string) => Math.min(redactAll(body), redactAll(body), redactAll(body));

  it.each(evil)('is linear in 64 KB of %j', (unit) => {
    const repeat = (bytes: number) => unit.repeat(Math.ceil(bytes / unit.length));
    for (const tail of ['', '} "1\'x@h']) {
      // A rule that reads everything again at every place would take 64 times as long for 8 times the text.
      if (redactAll(repeat(65_536) + tail) < 100) continue;
      expect(best(repeat(65_536) + tail) / best(repeat(8192) + tail)).toBeLessThan(25);
    }
  });
});
