import { appendFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Sink } from '../../../src/engine/sink.js';
import { jsonl, pretty, View } from '../../../src/engine/view.js';
import { newPath } from './paths.js';

class Screen implements Sink {
  bytes = Buffer.alloc(0);
  /** Called before bytes are taken; what it throws is the write's error. */
  before: () => Promise<void> = async () => {};
  closed = false;
  async write(bytes: Uint8Array): Promise<void> {
    await this.before();
    this.bytes = Buffer.concat([this.bytes, bytes]);
  }
  close(): void {
    this.closed = true;
  }
}

const line = (seq: number, filler = ''): string =>
  `{"action": "OBSERVED", "comm": "c", "event_type": "file_open", "path": "/${seq}${filler}", "pid": 1, "seq": ${seq}, "timestamp": "2026-04-14T09:23:01.234Z"}\n`;

describe('a view of the log', () => {
  it('shows the bytes of this session as they come, soon, and all of them', async () => {
    const path = newPath();
    const before = line(1);
    writeFileSync(path, before);
    const screen = new Screen();
    const view = new View(path, before.length, jsonl(), screen);
    let text = '';
    for (let seq = 2; seq < 60; seq++) {
      const next = line(seq, 'x'.repeat((seq % 7) * 60_000));
      text += next;
      view.expect(before.length + text.length);
      // The writer needs a moment, and may leave half a line.
      appendFileSync(path, next.slice(0, seq));
      await sleep(2);
      appendFileSync(path, next.slice(seq));
      if (seq === 30) await expect.poll(() => screen.bytes.length, { timeout: 500, interval: 10 }).toBe(text.length);
    }
    await view.finish();
    expect(screen.bytes.toString('latin1') === text).toBe(true);
    expect(screen.closed).toBe(true);
  });

  it('does nothing while nothing happens', async () => {
    const path = newPath();
    writeFileSync(path, '');
    const screen = new Screen();
    const view = new View(path, 0, jsonl(), screen);
    await sleep(50);
    const start = process.cpuUsage();
    await sleep(500);
    const { user, system } = process.cpuUsage(start);
    expect(user + system).toBeLessThan(50_000);
    await view.finish();
  });

  it('waits for a slow reader without holding up anybody, and leaves it when told to', async () => {
    const path = newPath();
    writeFileSync(path, line(1));
    const screen = new Screen();
    screen.before = () => new Promise(() => {});
    const view = new View(path, 0, jsonl(), screen);
    view.expect(line(1).length);
    const end = view.finish();
    expect(await Promise.race([end.then(() => 'ended'), sleep(200).then(() => 'waits')])).toBe('waits');
    view.abort();
    await end;
  });

  it('says when its output is broken', async () => {
    const path = newPath();
    writeFileSync(path, line(1));
    const screen = new Screen();
    screen.before = () => Promise.reject(new Error('EPIPE'));
    const view = new View(path, 0, jsonl(), screen);
    view.expect(line(1).length);
    await expect(view.broken).rejects.toThrow('EPIPE');
    await view.finish();
  });

  it('shows people a line for each event, and jumps ahead where they cannot follow', async () => {
    const path = newPath();
    let text = '';
    for (let seq = 1; seq <= 60_000; seq++) text += line(seq);
    writeFileSync(path, line(1));
    const screen = new Screen();
    const view = new View(
      path,
      0,
      pretty(() => ({ color: false })),
      screen,
    );
    view.expect(line(1).length);
    await expect.poll(() => screen.bytes.toString()).toMatch(/open \/1\n$/);
    appendFileSync(path, text.slice(line(1).length));
    view.expect(text.length);
    await view.finish();
    const shown = screen.bytes.toString().trimEnd().split('\n');
    expect(shown.at(-1)).toMatch(/open \/60000$/);
    const left = shown.filter((one) => one.startsWith('…')).map((one) => Number(/\d+/.exec(one)?.[0]));
    expect(left.length).toBeGreaterThan(0);
    // Shown and left out are all there are.
    expect(left.reduce((sum, count) => sum + count, 0) + shown.length - left.length).toBe(60_000);
  });
});
