import { expect, it } from 'vitest';
import { alertText } from '../../../src/alerts/text.js';
import type { AgentEvent } from '../../../src/events/index.js';

const head = { agent_id: 'a', event_type: 'process_exec', action: 'BLOCKED', policy_rule: 'no_shell', pid: 7, seq: 12 };
const eventOf = (more: object): AgentEvent => ({ ...head, ...more }) as AgentEvent;

it('is one line of ASCII with the rule, the count and the event', () => {
  const text = alertText(eventOf({ path: '/srv/\n\u2028\u001b[2Jé' }), 3);
  expect(text).toMatch(/^[ -~]+$/);
  expect(JSON.parse(text)).toMatchObject({
    agent_id: 'a',
    rule: 'no_shell',
    count: 3,
    event: { ...head, path: '/srv/\n\u2028\u001b[2Jé' },
  });
});

it('is bounded, whatever the agent has written, and keeps what is short', () => {
  const argv = Array.from({ length: 5000 }, () => '\u0001'.repeat(9000));
  const text = alertText(eventOf({ argv, path: '\ud800'.repeat(1e6), cwd: 'é'.repeat(1e5), comm: 'sh' }), 1);
  expect(text.length).toBeLessThanOrEqual(7168);
  const { event } = JSON.parse(text);
  expect(event).toMatchObject({ ...head, comm: 'sh', cwd: `${'é'.repeat(512)}…` });
  expect(event.argv).toBeUndefined();
});

it('cuts a long list and a long word, and says so', () => {
  const { event } = JSON.parse(alertText(eventOf({ argv: Array.from({ length: 20 }, (_, i) => `${i}`) }), 1));
  expect(event.argv).toEqual([...Array.from({ length: 16 }, (_, i) => `${i}`), '…']);
});
