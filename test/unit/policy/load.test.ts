import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { loadPolicy, MAX_POLICY_BYTES, PolicyError, parsePolicy, schemaText } from '../../../src/policy/index.js';

const fixture = fileURLToPath(new URL('./fixtures/finance-agent.yaml', import.meta.url));
const HEAD = 'version: "1.0"\ndefault_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: BLOCK}\npolicies:\n';

function problemsOf(text: string | Buffer): string[] {
  try {
    parsePolicy(Buffer.from(text as string), 'p.yaml');
    return [];
  } catch (error) {
    if (error instanceof PolicyError) return error.lines;
    throw error;
  }
}

const rule = (match: string, action = 'ALLOW', more = ''): string =>
  `${HEAD}  - name: a\n    match: {${match}}\n    action: ${action}\n${more}`;

it('loads the policy of the design as it stands, without a note', async () => {
  const policy = await loadPolicy(fixture);
  expect(policy.document.policies.map(({ name }) => name)).toEqual([
    'read_internal_docs',
    'internal_api_calls',
    'model_api',
    'own_credentials',
    'production_db_query',
    'block_external_payments',
  ]);
  expect(policy.notes).toEqual([]);
  expect(policy.positions[0]).toEqual({ line: 6, column: 11 });
  expect(policy.sha256).toMatch(/^[0-9a-f]{64}$/);
});

it('publishes the schema that it holds policies to (UPDATE_DOCS=1 writes it)', () => {
  const file = fileURLToPath(new URL('../../../templates/schema/policy.schema.json', import.meta.url));
  if (process.env.UPDATE_DOCS) writeFileSync(file, schemaText());
  // Compared as values: the formatter has its own mind about JSON.
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(schemaText()));
  expect(new Ajv().validateSchema(JSON.parse(schemaText()))).toBe(true);
});

it('says which classes have no default', () => {
  const policy = parsePolicy(Buffer.from('version: "1.0"\ndefault_action: {file: BLOCK}\npolicies: []\n'), 'p');
  expect(policy.notes).toEqual([
    {
      line: 2,
      column: 1,
      message: 'default_action does not name exec, network, tool: what no rule speaks of there is ALLOW',
    },
  ]);
});

describe('YAML', () => {
  it.each([
    ['a tab', 'version: "1.0"\npolicies:\n\t- name: a\n', 'p.yaml:3:1: a tab indents'],
    ['an anchor', 'version: "1.0"\nagent_id: &a x\npolicies: []\n', 'p.yaml:2:14: "&a" is an anchor'],
    ['an alias', 'version: "1.0"\nagent_id: *a\npolicies: []\n', 'p.yaml:2:11: '],
    ['a merge', 'version: "1.0"\n<<: {agent_id: x}\npolicies: []\n', 'p.yaml:2:1: a policy has no key "<<"'],
    ['a tag', 'version: "1.0"\nagent_id: !!binary x\npolicies: []\n', 'p.yaml:2:'],
    [
      'a key twice',
      'version: "1.0"\nmode: audit\nmode: enforce\npolicies: []\n',
      'p.yaml:3:1: this key is there already',
    ],
    ['two documents', 'version: "1.0"\npolicies: []\n---\nx: 1\n', 'p.yaml:3:1: a second document'],
    ['a NUL byte', 'version: "1.0"\nagent_id: "a\u0000b"\npolicies: []\n', 'p.yaml:2:13: a NUL byte'],
    [
      'a hidden character',
      'version: "1.0"\nagent_id: "a\u202eb"\npolicies: []\n',
      'p.yaml:2:13: the invisible character U+202E',
    ],
    [
      'one that is drawn as nothing',
      rule('path: ["/etc/shadow\u200b"]'),
      'p.yaml:5:32: the invisible character U+200B',
    ],
    ['a tag character', rule('path: ["/a\u{e0041}"]'), 'p.yaml:5:23: the invisible character U+E0041'],
    ['a key that is no word', 'version: "1.0"\n? [a]\n: b\npolicies: []\n', 'p.yaml:2:3: a key must be a word'],
    ['an open bracket', 'version: "1.0"\npolicies: [\n', 'p.yaml:3:1: '],
    ['brackets without end', `policies: ${'['.repeat(100_000)}`, 'p.yaml:1:1: this is nested deeper'],
    ['dashes without end', `${'- '.repeat(100_000)}x`, 'p.yaml:1:1: this is nested deeper'],
    ['nothing', '', 'p.yaml:1:1: the file is empty'],
    ['a comment alone', '# nothing\n', 'p.yaml:1:1: the file is empty'],
    ['a list', '- a\n', 'p.yaml:1:1: a policy is a map of keys'],
  ])('refuses %s', (_, text, message) => {
    expect(problemsOf(text)[0]).toContain(message);
  });

  it('reads many keys in a time that grows with them alone', () => {
    const took = (count: number): number => {
      const text = Array.from({ length: count }, (_, index) => `k${index}: 1\n`).join('');
      const start = performance.now();
      expect(problemsOf(text)).not.toEqual([]);
      return performance.now() - start;
    };
    took(1000);
    // Each held against all others would take 64 times as long.
    expect(took(12_000) / took(1500)).toBeLessThan(32);
  });

  it('refuses bytes that are not UTF-8, with their place', () => {
    expect(problemsOf(Buffer.from('version: "1.0"\nagent_id: "\u00e4\xff"\n', 'latin1'))).toEqual([
      'p.yaml:2:12: this is not UTF-8 text',
    ]);
  });

  it('refuses a file that is too large, and reads no more of it', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'agentgov-policy-')), 'big.yaml');
    writeFileSync(file, Buffer.alloc(MAX_POLICY_BYTES + 10, '#'));
    await expect(loadPolicy(file)).rejects.toThrow('it is larger than');
    await expect(loadPolicy('/dev/zero')).rejects.toThrow('it is larger than');
    await expect(loadPolicy('/nonexistent.yaml')).rejects.toThrow('cannot read the policy /nonexistent.yaml (ENOENT)');
  });
});

describe('keys and values', () => {
  it.each([
    [
      'an unknown key',
      'version: "1.0"\npolices: []\npolicies: []\n',
      'p.yaml:2:1: a policy has no key "polices"; did you mean "policies"?',
    ],
    [
      'a rule without a name',
      `${HEAD}  - {name: "", match: {path: ["/a"]}, action: ALLOW}\n`,
      'p.yaml:4:12: "name" is empty',
    ],
    ['an unknown match key', rule('pth: ["/a"]'), 'p.yaml:5:13: "match" has no key "pth"; did you mean "path"?'],
    ['a word of another language', rule('domain: ["a.example"]'), 'did you mean "destination_domain"?'],
    [
      'an unknown rule key',
      rule('path: ["/a"]', 'ALLOW', '    timeout: 3\n'),
      'p.yaml:7:5: a rule has no key "timeout"; did you mean "timeout_seconds"?',
    ],
    [
      'an unknown action',
      rule('path: ["/a"]', 'DENY'),
      'p.yaml:6:13: "action" does not know "DENY"; did you mean "BLOCK"?',
    ],
    ['a small-letter action', rule('path: ["/a"]', 'allow'), 'did you mean "ALLOW"?'],
    [
      'an unknown event',
      rule('event: [file_opened]'),
      'p.yaml:5:21: "event" does not know "file_opened"; did you mean "file_open"?',
    ],
    ['an event that nobody can decide on', rule('event: [process_exit]'), '"event" does not know "process_exit"'],
    ['a version that is a number', 'version: 1.0\npolicies: []\n', 'p.yaml:1:10: "version" must be "1.0", in quotes'],
    ['no version', 'policies: []\n', 'p.yaml:1:1: "version" is missing in the policy'],
    [
      'a rule without an action',
      `${HEAD}  - name: a\n    match: {path: ["/a"]}\n`,
      'p.yaml:4:5: "action" is missing here',
    ],
    ['text for a list', rule('path: "/a"'), 'p.yaml:5:19: "path" is a list: write ["/a"]'],
    ['nothing for a list', rule('path: '), '"path" has no value'],
    ['an empty list', rule('path: []'), '"path" is empty and would match nothing'],
    ['a value twice', rule('path: ["/a", "/a"]'), '"path" names "/a" twice'],
    ['a port that is none', rule('port: [70000]'), 'p.yaml:5:20: "port" does not take 70000'],
    ['a range upside down', rule('port: ["90-80"]'), '"90-80" is no range of ports'],
    [
      'a rate that is none',
      rule('path: ["/a"]', 'ALLOW', '    max: 20 per minute\n'),
      '"max" does not take "20 per minute": write a number',
    ],
    [
      'a sink that is none',
      'version: "1.0"\nalerts: [{mail: x}]\npolicies: []\n',
      '"alerts" does not take {"mail":"x"}: write {webhook: URL}',
    ],
    ...(
      [
        ['{webhook: "http://example.com/x"}', '"webhook" would tell example.com in the clear: write https://'],
        ['{webhook: "https://["}', '"webhook" is no URL'],
        ['{webhook: "https://a%ffb:c@example.com"}', '"webhook" has a user or a password that is no %-encoded UTF-8'],
        ['{syslog: "tcp://example.com"}', '"tcp://example.com" names no port'],
        [
          '{syslog: "udp://example.com:70000"}',
          '"udp://example.com:70000" is no address: write local, udp://HOST[:PORT]',
        ],
        ['{syslog: "udp://user@example.com"}', '"udp://user@example.com" is no address: write local'],
        ['{command: [notify]}', '"notify" is no absolute path'],
      ] as const
    ).flatMap(([sink, message]): [string, string, string][] => [
      [`an alert to ${sink}`, `version: "1.0"\nalerts:\n  - ${sink}\npolicies: []\n`, `p.yaml:3:5: ${message}`],
      [`a channel at ${sink}`, `version: "1.0"\nchannels: {c: ${sink}}\npolicies: []\n`, message],
    ]),
    [
      'a resolver that is none',
      'version: "1.0"\nresolvers: [dns.example]\npolicies: []\n',
      'p.yaml:2:13: "dns.example" is no address',
    ],
    [
      'a name twice',
      `${HEAD}  - {name: a, match: {path: ["/a"]}, action: ALLOW}\n  - {name: a, match: {path: ["/b"]}, action: ALLOW}\n`,
      'p.yaml:5:12: the name "a" is taken by the rule in line 4',
    ],
    [
      'the name of a default',
      `${HEAD}  - {name: default_action.file, match: {path: ["/a"]}, action: ALLOW}\n`,
      'are those of the defaults',
    ],
    [
      'an approval key elsewhere',
      rule('path: ["/a"]', 'BLOCK', '    timeout_seconds: 3\n'),
      'p.yaml:7:22: "timeout_seconds" belongs to HUMAN_APPROVAL',
    ],
    [
      'guidance for what is allowed',
      rule('path: ["/a"]', 'ALLOW', '    guidance: no\n'),
      '"guidance" says what a stopped agent sees',
    ],
    [
      'a rate for what is blocked',
      rule('path: ["/a"]', 'BLOCK', '    max: 1/minute\n'),
      '"max" is how often an ALLOW rule',
    ],
  ])('refuses %s', (_, text, message) => {
    expect(problemsOf(text).join('\n')).toContain(message);
  });

  it('lists every fault, in the order of the file', () => {
    const lines = problemsOf(
      `${HEAD}  - {name: a, match: {path: ["x"]}, action: ALLOW}\n  - {name: b, match: {exe: ["/y"]}, action: ALLOW}\n`,
    );
    expect(lines.map((line) => line.split(':').slice(0, 2).join(':'))).toEqual(['p.yaml:4', 'p.yaml:5']);
  });
});

it('takes what a stopped agent sees of a rule that allows only so much', () => {
  const more = '    max: 2/hour\n    errno: EACCES\n    guidance: wait an hour\n';
  expect(problemsOf(rule('path: ["/a"]', 'ALLOW', more))).toEqual([]);
});

describe('patterns that match nothing, or not what is meant', () => {
  it.each([
    ['destination_domain: ["*.com"]', '"*.com" is every domain under "com": write the domain, as "*.example.com"'],
    ['destination_domain: ["*.co.uk"]', 'every domain under "co.uk"'],
    ['destination_domain: ["*"]', 'is every host'],
    ['destination_domain: ["a.*"]', 'is every host'],
    ['destination_domain: ["https://api.example.com/v1"]', 'is a URL: write the host name "api.example.com"'],
    ['destination_domain: ["a.example:443"]', 'has a port: write "a.example" and the key port'],
    ['destination_domain: ["10.0.0.1"]', 'is an address: write it under destination_ip'],
    ['destination_domain: ["a..b"]', 'is no host name'],
    ['destination_ip: ["a.example"]', 'a host name belongs into destination_domain'],
    ['destination_ip: ["10.1.2.3/8"]', 'has bits behind its prefix: write "10.0.0.0/8"'],
    ['destination_ip: ["10.0.0.0/33"]', 'has 0 to 32 bits'],
    ['destination_ip: ["fe80::1%eth0"]', 'is no address'],
    ['path: ["docs/x"]', 'is relative'],
    ['path: ["/a/../b"]', 'the kernel\'s paths have no ".."'],
    ['path: ["/a//b"]', 'has an empty component'],
    ['path: ["/a/"]', 'no path ends in "/"; for the folder and all below it write path_prefix'],
    ['path: ["/a/b**"]', '** is a component of its own'],
    ['path: ["~bob/x"]', 'only ~/ is expanded'],
    ['path: ["$HOME/x"]', 'variables are not expanded'],
    ["path: ['/a\\q']", 'is no escape'],
    ["path: ['/\\x41']", '"\\x41" is "A": write the character itself'],
    [`path: ["/${'x'.repeat(256)}"]`, 'no name is longer than 255 bytes'],
    [`path: ["${'/xxxxxxx'.repeat(512)}"]`, ''],
    ['exe: ["**/claude"]', '"exe" says who acts, not what it does'],
    ['', 'this rule would match everything'],
    ['event: [file_open], destination_domain: ["a.example"]', '"file_open" has no "destination_domain"'],
    ['event: [network_connect], path: ["/a"]', '"network_connect" has no "path"'],
    ['event: [unix_connect], port: [80]', '"unix_connect" has no "port"'],
    ['access: [read], event: [file_delete]', 'this rule can never match'],
    ['event: [file_open], written: true', '"file_open" has no "written"'],
    ['access: [write], written: true', 'this rule can never match'],
    ['written: [true]', 'written'],
    ['path: ["/a"], destination_domain: ["a.example"], access: [read]', 'this rule can never match'],
  ])('refuses {%s}', (match, message) => {
    const found = problemsOf(rule(match)).join('\n');
    expect(found).toMatch(/^p\.yaml:\d+:\d+: /);
    expect(found).toContain(message);
  });

  it.each([
    'destination_domain: ["*.internal"]',
    'destination_domain: ["*.example.co.uk", "bedrock-*.eu-1.cloud.example", "b\u00fccher.example"]',
    'destination_ip: ["::ffff:10.0.0.0/104", "fe80::/10", "10.0.0.0/8"]',
    'path: ["/", "~", "~/.x", "**/.env", "/a/**", "/a/*/b", "@/tmp/.X11-unix/X0", "/a\\\\*b"]',
    'path_prefix: ["/", "/a", "/a/", "/a/*/b/"]',
    'port: [0, 443, "8000-8100"]',
    'written: true',
    'written: false, path_prefix: ["/a"]',
  ])('takes {%s}', (match) => {
    expect(problemsOf(rule(match))).toEqual([]);
  });
});

describe('rules against each other', () => {
  const two = (a: string, b: string): string[] => problemsOf(`${HEAD}  - {name: a, ${a}}\n  - {name: b, ${b}}\n`);
  it.each([
    [
      'the same match',
      'match: {path: ["/a"]}, action: ALLOW',
      'match: {path: ["/a"], access: [read, write, create, delete, rename, link, attr]}, action: BLOCK',
      'p.yaml:4:12: "a" contradicts "b" (line 5)',
    ],
    [
      'the same match, with what it implies',
      'match: {path: ["/a"]}, action: ALLOW',
      'match: {path: ["/a"]}, action: HUMAN_APPROVAL',
      'p.yaml:4:12: "a" contradicts "b" (line 5)',
    ],
    [
      'the same twice',
      'match: {path: ["/a"]}, action: ALLOW',
      'match: {path: ["/a"]}, action: ALLOW',
      'p.yaml:5:12: "b" is unreachable: "a" (line 4)',
    ],
    [
      'a folder spelled twice',
      'match: {path: ["/a/**"]}, action: BLOCK',
      'match: {path_prefix: ["/a/"]}, action: BLOCK',
      '"b" is unreachable',
    ],
    [
      'an exception that a floating pattern closes',
      'match: {path: ["**/.env"]}, action: BLOCK',
      'match: {path: ["/w/**/.env"]}, action: ALLOW',
      '"b" is unreachable: "a"',
    ],
    [
      'subdomains',
      'match: {destination_domain: ["x.example"]}, action: BLOCK',
      'match: {destination_domain: ["*.x.example"]}, action: ALLOW',
      '"b" contradicts "a"',
    ],
  ])('refuses %s', (_, a, b, message) => {
    expect(two(a, b).join('\n')).toContain(message);
  });

  it.each([
    ['a deeper folder', 'match: {path_prefix: ["/a"]}, action: BLOCK', 'match: {path_prefix: ["/a/b"]}, action: ALLOW'],
    ['one program', 'match: {path: ["/a"]}, action: BLOCK', 'match: {path: ["/a"], exe: ["/x"]}, action: ALLOW'],
    ['one access', 'match: {path: ["/a"]}, action: BLOCK', 'match: {path: ["/a"], access: [read]}, action: ALLOW'],
    [
      'one name below',
      'match: {destination_domain: ["x.example"]}, action: BLOCK',
      'match: {destination_domain: ["api.x.example"]}, action: ALLOW',
    ],
    [
      'one port',
      'match: {destination_ip: ["10.0.0.0/8"]}, action: BLOCK',
      'match: {destination_ip: ["10.0.0.0/8"], port: [443]}, action: ALLOW',
    ],
    ['other events', 'match: {event: [file_open]}, action: ALLOW', 'match: {event: [file_delete]}, action: BLOCK'],
  ])('takes %s', (_, a, b) => {
    expect(two(a, b)).toEqual([]);
  });
});
