// An AppArmor profile, by the automaton that its parser makes of it.
import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../../../src/events/index.js';
import { Engine } from '../../../../src/policy/index.js';
import { format, type Generated, generate } from '../../../../src/profile/index.js';
import { random, scaled } from '../../../scale.js';
import { fileRules, type Permission } from '../../../support/apparmor.js';
import { learn, path, run } from '../agent.js';
import { finance, hostile, NAMES } from './inputs.js';

const bytesOf = (text: string): Buffer =>
  Buffer.concat(
    text
      .split(/(\\x[0-9a-f]{2})/)
      .map((part, at) => Buffer.from(at % 2 === 1 ? part.slice(2) : part, at % 2 === 1 ? 'hex' : 'utf8')),
  );

describe('an AppArmor profile', { timeout: 120_000 }, () => {
  const KINDS: [Permission, AgentEvent][] = [
    ['r', { event_type: 'file_open', access: 'read' }],
    ['x', { event_type: 'process_exec' }],
  ];
  const RENAME = { event_type: 'file_rename' };
  const CONNECT = { event_type: 'unix_connect' };
  const CHANGING: AgentEvent[] = [
    { event_type: 'file_open', access: 'write' },
    { event_type: 'file_create', access: 'create' },
    ...['file_delete', 'file_link', 'file_attr', 'network_bind'].map((event_type) => ({ event_type })),
    RENAME,
    CONNECT,
  ];

  /** What the policy says of one thing done to one path, by whoever was seen doing it. */
  function agree(generated: Generated, paths: readonly string[]): void {
    const allows = fileRules(format('apparmor', generated).text);
    const engine = new Engine(generated.policy);
    // Without what forbids: what a rule allows beside what it says is allowed where the kit forbids what it says.
    const { document } = generated.policy;
    const policies = document.policies.filter(({ action }) => action === 'ALLOW');
    const opened = new Engine({ ...generated.policy, document: { ...document, policies } });
    const says = (event: AgentEvent, object: string, by = engine): string =>
      by.decide({ ...event, path: object, path_to: object } as AgentEvent)?.action ?? 'BLOCK';
    for (const object of paths.filter((one) => one.startsWith('/'))) {
      for (const slash of ['', '/']) {
        const allowed = allows(Buffer.concat([bytesOf(object), Buffer.from(object === '/' ? '' : slash)]));
        const changes = CHANGING.map((one) => says(one, object));
        for (const [permission, event] of KINDS) {
          const byPolicy = says(event, object) === 'ALLOW';
          // To rename a file is to read it there, and so is to connect to a socket.
          const isAsked = permission === 'r' && [RENAME, CONNECT].some((one) => says(one, object, opened) === 'ALLOW');
          if (byPolicy || !isAsked) expect(allowed.has(permission), `${permission} ${object}${slash}`).toBe(byPolicy);
        }
        // All changes are one: some rule that allows is enough, and any that forbids stands above it.
        if (allowed.has('w')) expect(changes, `w ${object}`).toContain('ALLOW');
        if (changes.every((one) => one === 'ALLOW')) expect(allowed.has('w'), `w ${object}`).toBe(true);
      }
    }
  }

  it('allows the files that the policy allows, and no others, by the automaton of the parser', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`apparmor-${round}`);
      const recordings = Array.from({ length: 1 + (round % 4) }, () => run(draw, 120));
      const learned = recordings.flatMap((events) =>
        events.flatMap(({ path: object }) => (typeof object === 'string' ? [object] : [])),
      );
      const others = Array.from({ length: 200 }, () => path(draw));
      const near = learned.flatMap((object) => [
        `${object}x`,
        `${object}/x`,
        object.slice(0, -1),
        object.slice(0, object.lastIndexOf('/')),
      ]);
      agree(generate(learn(recordings)), [
        ...learned,
        ...others,
        ...near.filter((one) => one !== '' && !/\\x.?$/.test(one) && !one.endsWith('/')),
      ]);
    }
  });

  it('means names as they are, whatever is in them', () => {
    const plain = NAMES.filter((name) => !/[\n]/.test(name));
    const generated = hostile();
    agree(generated, [
      ...plain.flatMap((name) => [
        `/srv/app/${name}`,
        `/srv/out/${name}/log`,
        `/opt/${name}/tool`,
        `/home/${name}/.ssh/id`,
      ]),
      ...[
        '/srv/app/b',
        '/srv/app/axb',
        '/srv/app/q',
        '/srv/app/qq',
        '/root',
        '/etc/passwd',
        '/srv/app/a',
        '/proc/1/mem',
        '/',
      ],
    ]);
  });

  it('closes what the kit closes, in complain mode as well', () => {
    const allows = fileRules(format('apparmor', finance()).text);
    for (const closed of [
      '/home/ann/.ssh/id_rsa',
      '/root/.aws/credentials',
      '/etc/shadow',
      '/srv/finance/.env',
      '/proc/1/environ',
    ])
      expect([...allows(Buffer.from(closed))], closed).toEqual([]);
    expect([...allows(Buffer.from('/srv/finance/documents/payment-terms.md'))]).toEqual(['r', 'k', 'm']);
    expect([...allows(Buffer.from('/usr/bin/node'))]).toEqual(['x', 'r', 'k', 'm']);
  });
});
