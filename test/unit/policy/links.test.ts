import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Engine, LinkError, MachineLinks, parsePolicy } from '../../../src/policy/index.js';
import { followLinks } from '../../../src/policy/pattern/links.js';
import { parsePath } from '../../../src/policy/pattern/path.js';

let dir = '';
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'links-')));
});
afterEach(() => rmSync(dir, { recursive: true }));

const led = (source: string) => {
  const [pattern] = parsePath(source, false, []);
  return pattern === undefined ? undefined : followLinks(pattern, new Map())?.pattern.text;
};

const policyOf = (action: string, path: string) =>
  parsePolicy(
    Buffer.from(
      JSON.stringify({
        version: '1.0',
        default_action: { file: action === 'ALLOW' ? 'BLOCK' : 'ALLOW' },
        policies: [{ name: 'one', match: { path: [path] }, action }],
      }),
    ),
    'p.yaml',
  );

describe('symbolic links in rules', () => {
  it('are followed as far as the pattern has plain names, and what is not there yet stays as written', () => {
    mkdirSync(join(dir, 'real/deep'), { recursive: true });
    symlinkSync('real', join(dir, 'one'));
    symlinkSync('./one/../one/deep', join(dir, 'two'));
    symlinkSync(join(dir, 'nowhere/x'), join(dir, 'dangling'));
    expect(led(`${dir}/real/deep/file`)).toBeUndefined();
    expect(led(`${dir}/one/new/file`)).toBe(`${dir}/real/new/file`);
    expect(led(`${dir}/two/*.md`)).toBe(`${dir}/real/deep/*.md`);
    expect(led(`${dir}/dangling`)).toBe(`${dir}/nowhere/x`);
    expect(led(`${dir}/*/one`)).toBeUndefined();
    expect(led('/proc/self/mem')).toBe('/proc/*/mem');
    expect(led('/proc/thread-self/mem')).toBe('/proc/*/task/*/mem');
  });

  it('hold names that are no UTF-8 and names with stars', () => {
    symlinkSync('a*b', join(dir, 'star'));
    symlinkSync(Buffer.from([0x78, 0xff]), join(dir, 'bytes'));
    expect(led(`${dir}/star/f`)).toBe(`${dir}/a\\*b/f`);
    expect(led(`${dir}/bytes/f`)).toBe(`${dir}/x\\xff/f`);
  });

  it('that lead in a circle stop a rule that forbids, where it must hold', () => {
    symlinkSync('round', join(dir, 'round'));
    const circle = policyOf('BLOCK', `${dir}/round/f`);
    expect(() => new Engine(circle, { aliases: new MachineLinks(true).aliases })).toThrow(LinkError);
    const lenient = new MachineLinks(false);
    new Engine(circle, { aliases: lenient.aliases });
    expect(lenient.notes).toHaveLength(1);
  });

  it('are not followed by a rule that allows where somebody else than root could have put them', () => {
    mkdirSync(join(dir, 'open'));
    chmodSync(join(dir, 'open'), 0o777);
    writeFileSync(join(dir, 'secret'), '');
    symlinkSync('../secret', join(dir, 'open/link'));
    const event = { event_type: 'file_open', access: 'read', path: join(dir, 'secret') } as never;
    const decide = (action: string) => {
      const links = new MachineLinks(true);
      const engine = new Engine(policyOf(action, `${dir}/open/link`), { aliases: links.aliases });
      return [engine.decide(event)?.name, links.notes.length];
    };
    expect(decide('ALLOW')).toEqual(['default_action.file', 1]);
    expect(decide('BLOCK')).toEqual(['one', 0]);
  });
});
