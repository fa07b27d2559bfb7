import { describe, expect, it } from 'vitest';
import { compilePolicy, parsePolicy } from '../../../src/policy/index.js';

const closing = (rules: string, accept: string[] = []) => {
  const text = `version: "1.0"\ndefault_action: {file: BLOCK, exec: ALLOW, network: BLOCK}\npolicies:\n${rules}`;
  const policy = parsePolicy(Buffer.from(text), 'policy.yaml');
  return compilePolicy(policy, { homes: ['/root', '/home/*'], half: 0, mounts: [], accept }).closing;
};
const meanings = (rules: string): Record<string, string> =>
  Object.fromEntries(closing(rules).map(({ name, meaning }) => [name, meaning]));

const PAY = '- {name: pay, match: {path: ["/a", "/b"], access: [read]}, action: BLOCK}\n';
const WORK = '- {name: work, match: {path_prefix: ["/w"]}, action: ALLOW}\n';
const WEB = '- {name: web, match: {port: [443], event: [network_connect]}, action: ALLOW}\n';

describe('rules that can be against something', () => {
  it('are those that forbid and are held, and the defaults', () => {
    const rules = `${PAY}${WORK}- {name: ask, match: {path: ["/c"]}, action: HUMAN_APPROVAL}\n- {name: tool, match: {tool: [db_query]}, action: BLOCK}\n`;
    expect(closing(rules, ['tool']).map(({ name }) => name)).toEqual([
      'pay',
      'ask',
      'default_action.file',
      'default_action.network',
    ]);
  });

  it('are those that allow only so much as well', () => {
    const often = (max: string) => `- {name: often, match: {path_prefix: ["/w"]}, action: ALLOW, max: ${max}}\n`;
    expect(Object.keys(meanings(often('3/hour')))).toContain('often');
    expect(meanings(often('3/hour')).often).not.toBe(meanings(often('4/hour')).often);
  });

  it('mean the same whatever they are called, how they are spelled, and what becomes of what they forbid', () => {
    const { pay } = meanings(PAY);
    const other = meanings(
      '- {name: other, mode: enforce, errno: EACCES, guidance: No., action: BLOCK, match: {access: [read], path: ["/b", "/a"]}}\n',
    );
    expect(other.other).toBe(pay);
  });

  it('mean something else when they, or what is excepted from them, were edited', () => {
    const before = meanings(`${PAY}${WORK}${WEB}`);
    const edited = meanings(`${PAY.replace('"/b"', '"/c"')}${WORK}${WEB}`);
    expect(edited.pay).not.toBe(before.pay);
    expect(edited['default_action.file']).toBe(before['default_action.file']);
    const excepted = meanings(`${PAY}${WORK.replace('"/w"', '"/v"')}${WEB}`);
    expect(excepted.pay).not.toBe(before.pay);
    expect(excepted['default_action.file']).not.toBe(before['default_action.file']);
    // What is about other operations is no exception from it.
    const web = meanings(`${PAY}${WORK}${WEB.replace('443', '80')}`);
    expect(web.pay).toBe(before.pay);
    expect(web['default_action.network']).not.toBe(before['default_action.network']);
  });

  it.each<[string, string | undefined]>([
    ['path: ["/root/.ssh/id_ed25519"]', 'secrets'],
    ['path_prefix: ["~/.ssh"]', 'secrets'],
    ['path_prefix: ["/home/me"]', 'client_credentials'],
    ['path: ["/w/.env"]', 'secrets'],
    ['path: ["**/.env"]', 'secrets'],
    ['path: ["/etc/cron.d/job"], access: [write]', 'persistence'],
    ['path: ["/etc/hostname"], access: [read]', undefined],
    ['path_prefix: ["/w"]', undefined],
    ['path: ["**/*.md"]', undefined],
    ['destination_ip: ["10.0.0.0/8"]', undefined],
  ])('over {%s} are sensitive as %s', (match, as) => {
    const [rule] = closing(`- {name: a, match: {${match}}, action: BLOCK}\n`);
    expect(rule?.sensitive()).toBe(as);
  });
});
