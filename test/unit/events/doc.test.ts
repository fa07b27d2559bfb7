import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { EVENT_TYPES, eventsDoc, FIELDS } from '../../../src/events/index.js';

const file = fileURLToPath(new URL('../../../docs/events.md', import.meta.url));

it('docs/events.md is what the registry says (UPDATE_DOCS=1 writes it)', () => {
  if (process.env.UPDATE_DOCS) writeFileSync(file, eventsDoc());
  expect(readFileSync(file, 'utf8')).toBe(eventsDoc());
});

it('names every field and every event type', () => {
  for (const name of [...Object.keys(FIELDS), ...Object.keys(EVENT_TYPES)])
    expect(eventsDoc()).toContain(`\`${name}\``);
});
