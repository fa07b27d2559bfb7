import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AgentEvent, openRedactor } from '../../../src/events/index.js';

const { redact, fingerprint } = openRedactor({ keyFile: join(mkdtempSync(join(tmpdir(), 'agentgov-')), 'key') });
const exec = (argv: string[]): AgentEvent => ({ event_type: 'process_exec', action: 'OBSERVED', argv });
/** Every marker without its fingerprint, to read the cases at a glance. */
const brief = (text: string): string => text.replaceAll(/\[redacted:([a-z0-9-]+):[0-9a-f]{16}\]/g, '<$1>');
const argvOf = (argv: string[]): string[] => (redact(exec(argv)).argv as string[]).map(brief);
const pathOf = (path: string): string => brief(redact({ event_type: 'file_open', path }).path as string);

const A = 'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2dE4fG6hJ8k';

describe('keys of known shapes, wherever they stand', () => {
  it.each([
    ['anthropic-key', `sk-ant-api03-${A}-x_y`],
    ['openai-key', `sk-proj-${A}_T3-abc`],
    ['sk-key', `sk-${A}`],
    ['google-key', `AIza${A.slice(0, 35)}`],
    ['google-token', `ya29.${A}-_`],
    ['google-secret', `GOCSPX-${A.slice(0, 28)}`],
    ['aws-key-id', 'AKIAIOSFODNN7EXAMPLE'],
    ['aws-key-id', 'ASIAIOSFODNN7EXAMPLE'],
    ['github-token', `ghp_${A.slice(0, 36)}`],
    ['github-token', `gho_${A.slice(0, 36)}`],
    ['github-token', `github_pat_11ABCDEFG0_${A}`],
    ['gitlab-token', `glpat-${A.slice(0, 20)}`],
    ['slack-token', 'xoxb-123456789012-1234567890123-AbCdEfGhIjKl'],
    ['slack-token', 'xapp-1-A0123456789-0123456789012-abcdef'],
    ['stripe-key', `sk_live_${A.slice(0, 24)}`],
    ['stripe-key', `rk_test_${A.slice(0, 24)}`],
    ['stripe-key', `whsec_${A.slice(0, 32)}`],
    ['npm-token', `npm_${A.slice(0, 36)}`],
    ['pypi-token', `pypi-AgEIcHlwaS5vcmc${A}`],
    ['huggingface-token', `hf_${A.slice(0, 34)}`],
    ['groq-key', `gsk_${A}`],
    ['xai-key', `xai-${A}`],
    ['vault-token', `hvs.${A}`],
    ['sendgrid-key', `SG.${A.slice(0, 22)}.${A}`],
    ['digitalocean-token', `dop_v1_${'0123456789abcdef'.repeat(4)}`],
    ['docker-token', `dckr_pat_${A.slice(0, 27)}`],
    ['shopify-token', `shpat_${'0123456789abcdef'.repeat(2)}`],
    ['square-token', `sq0atp-${A.slice(0, 22)}`],
    ['age-key', `AGE-SECRET-KEY-1${'QPZRY9X8GF'.repeat(6)}`],
    ['replicate-token', `r8_${A.slice(0, 37)}`],
    ['service-token', `lin_api_${A}`],
    ['service-token', `nvapi-${A}`],
    ['service-token', `tskey-auth-${A}`],
    ['atlassian-token', `ATATT3xFfGF0${A}=1A2B3C4D`],
    ['jwt', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${A}`],
    ['jwt', `eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aaaa.bbbb.${A}`],
  ])('%s: %s', (kind, secret) => {
    expect(argvOf(['tool', secret])).toEqual(['tool', `<${kind}>`]);
    expect(argvOf(['sh', '-c', `echo "${secret}" >f`])).toEqual(['sh', '-c', `echo "<${kind}>" >f`]);
    expect(pathOf(`/tmp/${secret}`)).toBe(`/tmp/<${kind}>`);
    expect(pathOf(`/tmp/\\xff${secret}\n`)).toMatch(/^\/tmp\/\\xff<.*>\n$/);
    for (const field of ['cwd', 'exe', 'script', 'interpreter', 'path_to', 'dest_domain', 'value', 'comm', 'unknown']) {
      expect(JSON.stringify(redact({ event_type: 'process_exec', [field]: `a ${secret}` }))).not.toContain(secret);
    }
    expect(redact(exec(['tool', secret])).credential).toBe(fingerprint(secret));
  });

  it('finds a slack webhook', () =>
    expect(argvOf(['curl', `https://hooks.slack.com/services/T00000000/B00000000/${A}`])).toEqual([
      'curl',
      'https://hooks.slack.com/services/<slack-webhook>',
    ]));

  it('finds what services have in their paths', () => {
    expect(pathOf(`/bot123456789:AA${A.slice(0, 33)}/sendMessage`)).toBe('/bot123456789:<telegram-token>/sendMessage');
    const webhook = `https://discord.com/api/webhooks/123456789012345678/${A}${A}`;
    expect(argvOf(['curl', webhook])[1]).toBe('https://discord.com/api/webhooks/123456789012345678/<discord-webhook>');
  });

  it('takes the body of a private key, cut or not', () => {
    const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\nZXkt\n-----END OPENSSH PRIVATE KEY-----';
    expect(argvOf(['x', `${key}\nrest`])[1]).toBe(
      '-----BEGIN OPENSSH PRIVATE KEY-----<private-key>-----END OPENSSH PRIVATE KEY-----\nrest',
    );
    expect(argvOf(['x', key.slice(0, 50)])[1]).toBe('-----BEGIN OPENSSH PRIVATE KEY-----<private-key>');
    expect(pathOf('/x/-----BEGIN PRIVATE KEY-----abc')).toBe('/x/-----BEGIN PRIVATE KEY-----<private-key>');
    expect(argvOf(['x', '-----BEGIN CERTIFICATE-----\nMII'])[1]).toBe('-----BEGIN CERTIFICATE-----\nMII');
  });
});

describe('a command line', () => {
  it.each<[string[], string[]]>([
    // options
    [
      ['x', '--password', 'hunter2'],
      ['x', '--password', '<password>'],
    ],
    [
      ['x', '--password=hunter 2 = 3'],
      ['x', '--password=<password>'],
    ],
    [
      ['x', '-password', 'hunter2'],
      ['x', '-password', '<password>'],
    ],
    [
      ['x', '--db-password', '-p4ss'],
      ['x', '--db-password', '<password>'],
    ],
    [
      ['x', '--password', '--verbose'],
      ['x', '--password', '--verbose'],
    ],
    [
      ['x', '--api-key', 'abc', '--auth-token=def'],
      ['x', '--api-key', '<password>', '--auth-token=<password>'],
    ],
    [
      ['x', '--secret-access-key', 'ab/cd'],
      ['x', '--secret-access-key', '<password>'],
    ],
    [
      ['x', '--password-file', '/run/p'],
      ['x', '--password-file', '/run/p'],
    ],
    [
      ['x', '--private-key', '/home/u/.ssh/id'],
      ['x', '--private-key', '/home/u/.ssh/id'],
    ],
    [
      ['x', '--secret', 'id=npm,src=/a'],
      ['x', '--secret', 'id=npm,src=/a'],
    ],
    [
      ['x', '--max-tokens', '4096', '--next-token', 'abc'],
      ['x', '--max-tokens', '4096', '--next-token', 'abc'],
    ],
    [
      ['x', '--max-token=4096', '--tokenizer=bert'],
      ['x', '--max-token=4096', '--tokenizer=bert'],
    ],
    [
      ['java', '-Ddb.password=abc'],
      ['java', '-Ddb.password=<password>'],
    ],
    // programs with options of their own
    [
      ['mysql', '-uroot', '-phunter2', 'db'],
      ['mysql', '-uroot', '-p<password>', 'db'],
    ],
    [
      ['/usr/bin/mysqldump', '-p', 'db'],
      ['/usr/bin/mysqldump', '-p', 'db'],
    ],
    [
      ['docker', 'exec', 'd', 'mysql', '-phunter2'],
      ['docker', 'exec', 'd', 'mysql', '-p<password>'],
    ],
    [
      ['mkdir', '-pv', 'a'],
      ['mkdir', '-pv', 'a'],
    ],
    [
      ['ssh', '-p2222', 'h'],
      ['ssh', '-p2222', 'h'],
    ],
    [
      ['sshpass', '-p', 'x y', 'ssh', 'h'],
      ['sshpass', '-p', '<password>', 'ssh', 'h'],
    ],
    [
      ['curl', '-u', 'me:hunter2', 'http://h/'],
      ['curl', '-u', 'me:<password>', 'http://h/'],
    ],
    [
      ['curl', '-ume:hunter2', '--user', 'a'],
      ['curl', '-ume:<password>', '--user', 'a'],
    ],
    [
      ['curl', '-sSLu', 'me:hunter2', '-b', 'sid=1; theme=dark', '--cookie', 'jar.txt'],
      ['curl', '-sSLu', 'me:<password>', '-b', '<cookie>', '--cookie', 'jar.txt'],
    ],
    [
      ['curl', '-skume:hunter2', '--oauth2-bearer', 'abc', '-sb', 'a=b', '-so', 'u:f'],
      ['curl', '-skume:<password>', '--oauth2-bearer', '<authorization>', '-sb', '<cookie>', '-so', 'u:f'],
    ],
    [
      ['smbclient', '-U', 'me%hunter2', '//h/s'],
      ['smbclient', '-U', 'me%<password>', '//h/s'],
    ],
    [
      ['7z', 'x', '-phunter2', 'a.7z'],
      ['7z', 'x', '-p<password>', 'a.7z'],
    ],
    [
      ['zip', '-P', 'hunter2', 'a.zip'],
      ['zip', '-P', '<password>', 'a.zip'],
    ],
    [
      ['plink', '-pw', 'hunter2', 'h'],
      ['plink', '-pw', '<password>', 'h'],
    ],
    [
      ['mongosh', '-u', 'me', '-p', 'hunter2'],
      ['mongosh', '-u', 'me', '-p', '<password>'],
    ],
    [
      ['aws', 'configure', 'set', 'aws_secret_access_key', 'ab/cd+ef'],
      ['aws', 'configure', 'set', 'aws_secret_access_key', '<password>'],
    ],
    [
      ['redis-cli', 'CONFIG', 'SET', 'requirepass', 'abc', 'SET', 'key', 'value'],
      ['redis-cli', 'CONFIG', 'SET', 'requirepass', '<password>', 'SET', 'key', 'value'],
    ],
    [
      ['sudo', '-u', 'me:x', 'ls'],
      ['sudo', '-u', 'me:x', 'ls'],
    ],
    [
      ['redis-cli', '-a', 'x'],
      ['redis-cli', '-a', '<password>'],
    ],
    [
      ['docker', 'login', '-u', 'me', '-p', 'x'],
      ['docker', 'login', '-u', 'me', '-p', '<password>'],
    ],
    [
      ['docker', 'run', '-p', '80:80'],
      ['docker', 'run', '-p', '80:80'],
    ],
    [
      ['npm', 'config', 'set', '//r/:_authToken', 'x'],
      ['npm', 'config', 'set', '//r/:_authToken', '<password>'],
    ],
    // variables
    [
      ['env', 'PGPASSWORD=a b', 'psql'],
      ['env', 'PGPASSWORD=<password>', 'psql'],
    ],
    [
      ['env', 'OPENAI_API_KEY=abc', 'MYSQL_PWD=x'],
      ['env', 'OPENAI_API_KEY=<password>', 'MYSQL_PWD=<password>'],
    ],
    [
      ['env', 'AWS_SECRET_ACCESS_KEY=a/b+c'],
      ['env', 'AWS_SECRET_ACCESS_KEY=<password>'],
    ],
    [
      ['env', 'PWD=/home/u', 'OLDPWD=/', 'SORT_KEY=name'],
      ['env', 'PWD=/home/u', 'OLDPWD=/', 'SORT_KEY=name'],
    ],
    [
      ['env', `DEEPSEEK_KEY=${A}`],
      ['env', 'DEEPSEEK_KEY=<password>'],
    ],
    // headers
    [
      ['curl', '-H', 'Authorization: Bearer abc'],
      ['curl', '-H', 'Authorization: Bearer <authorization>'],
    ],
    [
      ['curl', '-HAUTHORIZATION:abc'],
      ['curl', '-HAUTHORIZATION:<authorization>'],
    ],
    [
      ['curl', '-H', 'authorization: Digest a="b", c="d"\r\nHost: h'],
      ['curl', '-H', 'authorization: Digest <authorization>\r\nHost: h'],
    ],
    [
      ['curl', '-H', 'Cookie: a=b; c=d'],
      ['curl', '-H', 'Cookie: <cookie>'],
    ],
    [
      ['curl', '-H', 'x-api-key: abc', '-H', 'Host: h'],
      ['curl', '-H', 'x-api-key: <authorization>', '-H', 'Host: h'],
    ],
    [
      ['curl', '-H', 'apikey: abc'],
      ['curl', '-H', 'apikey: <authorization>'],
    ],
    [
      ['echo', 'std::api-key::x', 'say Bearer of'],
      ['echo', 'std::api-key::x', 'say Bearer of'],
    ],
    [
      ['curl', '--header', 'X-Thing: Bearer abcdefgh'],
      ['curl', '--header', 'X-Thing: Bearer <authorization>'],
    ],
    // URLs
    [
      ['git', 'clone', 'https://me:p@ss:w@h.example/x'],
      ['git', 'clone', 'https://me:<url-password>@h.example/x'],
    ],
    [
      ['git', 'clone', `https://${A}@h/x`],
      ['git', 'clone', 'https://<url-password>@h/x'],
    ],
    [
      ['git', 'clone', 'ssh://git@h/x', 'git@h:x'],
      ['git', 'clone', 'ssh://git@h/x', 'git@h:x'],
    ],
    [
      ['x', 'http://h/?a=1&token=abc&b=2#c'],
      ['x', 'http://h/?a=1&token=<url-parameter>&b=2#c'],
    ],
    [
      ['x', 'http://h/?key=0123456789&code=404'],
      ['x', 'http://h/?key=<url-parameter>&code=404'],
    ],
    [
      ['x', 'http://h/?X-Amz-Signature=0123abcd&zip_code=123456789'],
      ['x', 'http://h/?X-Amz-Signature=<url-parameter>&zip_code=123456789'],
    ],
    [
      ['psql', 'postgres://me:a/b#c?d@h.example/db'],
      ['psql', 'postgres://me:<url-password>@h.example/db'],
    ],
    [
      ['npm', 'view', 'http://registry:4873/@scope/pkg', 'http://h:$PORT/a@b', 'http://h/x:y/@z'],
      ['npm', 'view', 'http://registry:4873/@scope/pkg', 'http://h:$PORT/a@b', 'http://h/x:y/@z'],
    ],
    // bodies
    [
      ['curl', '-d', '{"password":"a\\\\","user":"me"}'],
      ['curl', '-d', '{"password":"<password>","user":"me"}'],
    ],
    [
      ['curl', '-d', JSON.stringify({ body: JSON.stringify({ password: 'a"b', user: 'me' }) })],
      ['curl', '-d', '{"body":"{\\"password\\":\\"<password>\\",\\"user\\":\\"me\\"}"}'],
    ],
    [
      ['curl', '-d', '{"user":"me","password":"a\\"b","n":1}'],
      ['curl', '-d', '{"user":"me","password":"<password>","n":1}'],
    ],
    [
      ['curl', '-d', 'user=me&password=abc&x=1'],
      ['curl', '-d', 'user=me&password=<url-parameter>&x=1'],
    ],
    // scripts
    [
      ['sh', '-c', 'mysql -phunter2 <f; ls -pv'],
      ['sh', '-c', 'mysql -p<password> <f; ls -pv'],
    ],
    [
      ['bash', '-lc', 'PGPASSWORD=abc psql -h db'],
      ['bash', '-lc', 'PGPASSWORD=<password> psql -h db'],
    ],
    [
      ['sh', '-c', "x --password 'a b' c"],
      ['sh', '-c', "x --password '<password>' c"],
    ],
    [
      ['sh', '-c', `x --token "$TOKEN" --token=\${T} --password=$(pass x) --token $T --token '$T'`],
      ['sh', '-c', `x --token "$TOKEN" --token=\${T} --password=$(pass x) --token $T --token '<password>'`],
    ],
    [
      ['sh', '-c', 'curl -H "Authorization: Bearer abc" http://h'],
      ['sh', '-c', 'curl -H "Authorization: Bearer <authorization>" http://h'],
    ],
    [
      ['sh', '-c', `ssh h "sudo sh -c 'mysql -phunter2'"`],
      ['sh', '-c', `ssh h "sudo sh -c 'mysql -p<password>'"`],
    ],
    [
      ['sh', '-c', 'curl -u me:hunter2 http://h && echo ok'],
      ['sh', '-c', 'curl -u me:<password> http://h && echo ok'],
    ],
    [
      ['sh', '-c', 'curl http://h; sudo -u me:x ls'],
      ['sh', '-c', 'curl http://h; sudo -u me:x ls'],
    ],
    [
      ['sh', '-c', 'curl -d "{\\"api_key\\": \\"abc\\"}" h'],
      ['sh', '-c', 'curl -d "{\\"api_key\\": \\"<password>\\"}" h'],
    ],
    [
      ['bash', '-c', "export TOKEN=$'a\\nb'; x"],
      ['bash', '-c', "export TOKEN=$'<password>'; x"],
    ],
    [
      ['python3', '-c', 'api_key = "abc"\npassword = os.environ["X"]\nif token == "x": pass'],
      ['python3', '-c', 'api_key = "<password>"\npassword = os.environ["X"]\nif token == "x": pass'],
    ],
    [
      ['sh', '-c', 'cat >f <<E\nuser: me\n  password: hunter2\n- token: "a b" # c\nE'],
      ['sh', '-c', 'cat >f <<E\nuser: me\n  password: <password>\n- token: "<password>" # c\nE'],
    ],
    [
      ['sh', '-c', 'cat >f <<E\ntoken: string\n  password: config.password,\n  secret: get()\nE'],
      ['sh', '-c', 'cat >f <<E\ntoken: string\n  password: config.password,\n  secret: get()\nE'],
    ],
    [
      ['sh', '-c', "echo 'machine h login me password hunter2' >~/.netrc"],
      ['sh', '-c', "echo 'machine h login me password <password>' >~/.netrc"],
    ],
    [
      ['psql', '-c', "ALTER USER me SET PASSWORD = 'hunter2'"],
      ['psql', '-c', "ALTER USER me SET PASSWORD = '<password>'"],
    ],
    // nothing to see
    [
      ['git', 'commit', '-m', 'Fix disk-usage-of-the-long-tailed-thing2'],
      ['git', 'commit', '-m', 'Fix disk-usage-of-the-long-tailed-thing2'],
    ],
    [
      ['ls', '/usr/share/locale/sk-SK', 'hf_cache', 'npm_config_registry=x'],
      ['ls', '/usr/share/locale/sk-SK', 'hf_cache', 'npm_config_registry=x'],
    ],
  ])('%j', (argv, expected) => {
    expect(argvOf(argv)).toEqual(expected);
    const once = redact(exec(argv));
    expect(redact(once)).toEqual(once);
  });
});

describe('a path', () => {
  it.each([
    ['/tmp/PGPASSWORD=abc/def', '/tmp/PGPASSWORD=<password>/def'],
    ['/tmp/--password hunter2/x', '/tmp/--password <password>/x'],
    ['/cache/https://me:pw@h/x', '/cache/https://me:<url-password>@h/x'],
    ['/c/Authorization: Bearer abc/x', '/c/Authorization: Bearer <authorization>/x'],
    ['/c/index?access_token=abc&x=1', '/c/index?access_token=<url-parameter>&x=1'],
    ['/n/js-tokens/index.js', '/n/js-tokens/index.js'],
    ['/sys/devices/pci0000:00/key', '/sys/devices/pci0000:00/key'],
    ['/home/u/.aws/credentials', '/home/u/.aws/credentials'],
  ])('%s', (path, expected) => expect(pathOf(path)).toBe(expected));

  it('loses its exact bytes together with the secret, and only then', () => {
    const event = {
      event_type: 'file_rename',
      path: '/a/\\xff',
      path_hex: '2f612fff',
      path_to: '/a/\\xff?token=abc',
      path_to_hex: 'beef',
    };
    const out = redact(event);
    expect(out.path_hex).toBe('2f612fff');
    expect(out).not.toHaveProperty('path_to_hex');
    expect(event.path_to_hex).toBe('beef');
  });
});

describe('redact', () => {
  it('gives the same object where nothing is secret', () => {
    const event = exec(['ls', '-l']);
    expect(redact(event)).toBe(event);
  });

  it('names the first credential, keeps one that is there, and tells two secrets apart', () => {
    const out = redact(exec(['x', '--password', 'one', '--password', 'two', '--password', 'one']));
    const [, , one, , two, , again] = out.argv as string[];
    expect(out.credential).toBe(fingerprint('one'));
    expect(one).toBe(again);
    expect(one).not.toBe(two);
    expect(redact({ ...exec(['x', '--password', 'one']), credential: '0'.repeat(16) }).credential).toBe('0'.repeat(16));
  });

  it('leaves what agentgov and the kernel write alone', () => {
    const event = { event_type: 'file_open', hash_self: `sk-${A}`, agent_id: `sk-${A}`, seq: 1, late: true };
    expect(redact(event)).toBe(event);
  });
});
