// Settings of sandbox-runtime.
import { describe, expect, it } from 'vitest';
import { format, type Generated, generate } from '../../../../src/profile/index.js';
import { random, scaled } from '../../../scale.js';
import { learn, path, run } from '../agent.js';
import { below, finance, openedBy } from './inputs.js';

describe('settings of sandbox-runtime', { timeout: 60_000 }, () => {
  interface Settings {
    network: { allowedDomains: string[]; deniedDomains: string[] };
    filesystem: { denyRead: string[]; allowWrite: string[]; denyWrite: string[] };
  }
  const settingsOf = (generated: Generated): Settings => JSON.parse(format('srt', generated).text) as Settings;

  it('let nothing be changed that no rule allows', () => {
    for (let round = 0; round < scaled(20); round++) {
      const draw = random(`srt-${round}`);
      const generated = generate(learn(Array.from({ length: 3 }, () => run(draw, 80))));
      const { allowWrite, denyWrite } = settingsOf(generated).filesystem;
      const opens = openedBy(generated);
      for (const object of [...allowWrite, ...Array.from({ length: 200 }, () => path(draw))])
        if (below(object, allowWrite) && !below(object, denyWrite) && !object.startsWith('~'))
          expect(allowWrite.includes(object) || opens(object), object).toBe(true);
      for (const object of allowWrite) expect(opens(object.replace(/^~/, '/root')), object).toBe(true);
    }
  });

  it('close the kit in the home folder of whoever uses them', () => {
    const { filesystem, network } = settingsOf(finance());
    expect(filesystem.denyRead).toEqual(expect.arrayContaining(['~/.ssh', '/root/.ssh', '~/.netrc', '/etc/shadow']));
    expect(filesystem.denyWrite).toEqual(expect.arrayContaining(['~/.ssh', '~/.bashrc', '/etc', '/var/log/agentgov']));
    expect(filesystem.allowWrite).toContain('/srv/finance/agent/app.log');
    expect(network.allowedDomains.join(' ')).toMatch(/^(localhost:\d+ ?)+$/);
    expect(network.deniedDomains).toEqual(
      expect.arrayContaining(['169.254.169.254', '[fd00:ec2::254]', 'metadata.google.internal']),
    );
  });
});
