import { describe, expect, it } from 'vitest';
import { agentIdFor, isAgentId, programNames } from '../../../src/targets/index.js';

const id = (exe: string, ...argv: string[]): string => agentIdFor(programNames(exe, argv.length > 0 ? argv : [exe]));

describe('the agent id', () => {
  it.each([
    ['agent.mjs', 'node', 'node', '/x/agent.mjs'],
    ['foo.py', '/usr/bin/python3.11', 'python3', 'foo.py', '--flag'],
    ['foo.py', 'python3', 'python3', '-u', '-W', 'ignore', './foo.py'],
    ['pip', 'python3', 'python3', '-m', 'pip', 'install'],
    ['python3', 'python3', 'python3', '-c', 'print(1)', 'x.py'],
    ['claude', '/usr/bin/node', 'node', '--max-old-space-size=4096', '/usr/local/bin/claude', '-p', 'hi'],
    ['agent.mjs', 'node', 'node', '--import', './hook.mjs', '-r', 'dotenv/config', 'agent.mjs'],
    ['node', 'node', 'node', '-e', '1', 'agent.mjs'],
    ['node', 'node', 'node'],
    ['run.sh', '/bin/bash', 'bash', '-e', '-u', 'run.sh'],
    ['bash', '/bin/bash', 'bash', '-lc', 'echo hi', 'name'],
    ['bash', '/bin/bash', '-bash'],
    ['run.sh', 'sh', 'sh', '--', 'run.sh'],
    ['x.ts', 'deno', 'deno', 'run', '--allow-net', 'x.ts'],
    // An agent that has given itself a title has overwritten its command line.
    ['claude', '/usr/bin/node', 'claude'],
    ['codex', '/opt/codex', '/opt/codex', 'exec'],
    ['npx', 'npx', 'npx', 'gemini'],
    ['node_is_no_script', '/opt/node_is_no_script', 'x', 'y.js'],
  ])('is %s', (expected, exe, ...argv) => {
    expect(id(exe, ...argv)).toBe(expected);
  });

  it('is always a safe path component', () => {
    for (const name of [
      '..',
      '.',
      '...hidden',
      'a/b',
      '',
      '-rf',
      'ESC\u001b[2J',
      '\u202egnp.exe',
      'x'.repeat(300),
      '⋯',
      'a\nb',
      '~',
      '%2e',
    ]) {
      const made = agentIdFor({ executable: name });
      expect(made).toMatch(/^[A-Za-z0-9_@+][A-Za-z0-9._@+-]*$/);
      expect(isAgentId(made)).toBe(true);
    }
    expect(agentIdFor({ executable: 'a b' })).toBe('a_b');
    for (const bad of ['', '.', '..', 'a/b', '.x', '-x', 'a b', 'x'.repeat(65), 'a\0b'])
      expect(isAgentId(bad)).toBe(false);
  });
});
