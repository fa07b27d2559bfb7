// A sandbox policy of OpenShell.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { format, type Generated, generate } from '../../../../src/profile/index.js';
import { random, scaled } from '../../../scale.js';
import { learn, run } from '../agent.js';
import { below, openedBy, session } from './inputs.js';

describe('a policy of OpenShell', { timeout: 60_000 }, () => {
  interface Sandbox {
    filesystem_policy: { read_only: string[]; read_write: string[] };
    network_policies: Record<string, { endpoints: object[]; binaries: object[] }>;
  }
  const sandboxOf = (generated: Generated): Sandbox => parse(format('openshell', generated).text) as Sandbox;
  const read = (object: string): object => ({ event_type: 'file_open', access: 'read', path: object });
  const reach = (domain: string, ip: string, more: object = {}): object => ({
    event_type: 'network_connect',
    dest_domain: domain,
    dest_ip: ip,
    dest_port: 443,
    protocol: 'tcp',
    ...more,
  });

  it('lists nothing that no rule allows, and no folder in which something is closed', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`openshell-${round}`);
      const generated = generate(learn(Array.from({ length: 3 }, () => run(draw, 80))));
      const { read_only, read_write } = sandboxOf(generated).filesystem_policy;
      const opens = openedBy(generated);
      for (const object of [...read_only, ...read_write]) {
        expect(opens(object), object).toBe(true);
        for (const closed of ['/root/.ssh/x', '/etc/shadow', '/proc/7/environ', '/run/agentgov/x'])
          expect(below(closed, [object]), `${object} holds ${closed}`).toBe(false);
      }
    }
  });

  it('does not open a folder that was listed, and holds hosts by program', () => {
    const events = [
      ...['/home/ann', '/srv', '/srv/app/a.txt', '/'].map(read),
      reach('api.example.com', '203.0.113.5'),
      reach('db.corp.example', '10.1.2.3'),
      reach('localhost', '127.0.0.1'),
    ];
    const generated = generate(learn([session(events, 'r1')]));
    const { filesystem_policy: files, network_policies: network } = sandboxOf(generated);
    const listed = files.read_only.filter((file) => !/^\/(?:sys|proc)\//.test(file));
    expect({ ...files, read_only: listed }).toEqual({
      include_workdir: false,
      read_only: ['/srv/app/a.txt'],
      read_write: [],
    });
    const binaries = [{ path: '/usr/bin/node' }];
    expect(Object.values(network)).toEqual([
      { name: 'reach-api-example-com', endpoints: [{ host: 'api.example.com', ports: [443] }], binaries },
      {
        name: 'reach-db-corp-example',
        endpoints: [{ host: 'db.corp.example', ports: [443], allowed_ips: ['10.1.2.3/32'] }],
        binaries,
      },
    ]);
    expect(format('openshell', generated).notes.join('\n')).toMatch(/never the own machine: closed: reach_localhost/);
    // What lies in an open folder cannot be closed, and is said.
    const many = Array.from({ length: 3 }, (_, at) =>
      session(
        [...'abcdefgh'].map((name) => read(`/srv/app/${name}`)),
        `m${at}`,
      ),
    );
    expect(format('openshell', generate(learn(many))).text).toMatch(/^# {3}not expressed, file: in a folder .*\.env/m);
  });
});
