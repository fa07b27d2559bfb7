// A NetworkPolicy, asked as a cluster would.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Engine } from '../../../../src/policy/index.js';
import { format, type Generated, generate } from '../../../../src/profile/index.js';
import { random, scaled } from '../../../scale.js';
import { learn, run } from '../agent.js';
import { hostile, session } from './inputs.js';

describe('a NetworkPolicy', { timeout: 60_000 }, () => {
  interface Spec {
    egress: { to: { ipBlock: { cidr: string } }[]; ports: { protocol: string; port: number; endPort?: number }[] }[];
    ingress: { ports: { protocol: string; port: number; endPort?: number }[] }[];
  }
  const specOf = (generated: Generated): Spec => {
    return (parse(format('networkpolicy', generated).text) as { spec: Spec }).spec;
  };
  const reaches = ({ egress }: Spec, ip: string, port: number): boolean =>
    egress.some(
      ({ to, ports }) =>
        to.some(({ ipBlock: { cidr } }) => cidr === `${ip}/${ip.includes(':') ? 128 : 32}`) &&
        ports.some((one) => one.port <= port && port <= (one.endPort ?? one.port)),
    );

  it('lets through every connection that the policy allows, and no metadata service', () => {
    for (let round = 0; round < scaled(40); round++) {
      const draw = random(`networkpolicy-${round}`);
      const recordings = Array.from({ length: 3 }, () => run(draw, 80));
      const generated = generate(learn(recordings));
      const engine = new Engine(generated.policy);
      const spec = specOf(generated);
      expect(JSON.stringify(spec)).not.toContain('169.254');
      for (const one of recordings.flat()) {
        if (one.event_type !== 'network_connect' || typeof one.dest_ip !== 'string' || one.errno !== undefined)
          continue;
        const ip = one.dest_ip.replace('::ffff:', '');
        if (/^(127|0\.|::)/.test(ip) || engine.decide(one)?.action !== 'ALLOW') continue;
        expect(reaches(spec, ip, one.dest_port as number), JSON.stringify(one)).toBe(true);
      }
      for (const other of ['198.51.100.1', '169.254.169.254', '192.0.3.7'])
        expect(reaches(spec, other, 443)).toBe(false);
    }
  });

  it('writes names as the addresses that they had, but for those that the kit closes', () => {
    const spec = specOf(hostile());
    expect(spec.ingress).toEqual([
      {
        ports: [
          { protocol: 'TCP', port: 8080 },
          { protocol: 'UDP', port: 8080 },
        ],
      },
    ]);
    expect(JSON.stringify(spec.egress)).not.toContain('169.254');
    const any = { event_type: 'network_connect', dest_port: 80, protocol: 'tcp' };
    const wide = specOf(generate(learn([session([any], 'r1')])));
    expect(wide.egress.flatMap(({ to }) => to)).toEqual([
      { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32'] } },
      { ipBlock: { cidr: '::/0', except: ['fd00:ec2::254/128'] } },
    ]);
    const { notes } = format('networkpolicy', hostile());
    expect(notes.join('\n')).toMatch(/names are written as the addresses .*meta\.example: 169\.254\.169\.254/);
  });
});
