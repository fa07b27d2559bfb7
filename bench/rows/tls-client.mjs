// Sends requests one after the other over one connection and measures itself: a body of each size there, one back.
// argv: port, JSON of [[bytes, requests], …], a file for the report, `stay` to live on until it is killed.
import { renameSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of each size before it is measured, as a part of its requests; and what whoever looks on needs to catch up, in ms. */
const WARM = 0.2;
const PAUSE = 200;

const [port, plan, report, stay] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** JSON, as what agents send to models. */
const bodies = new Map(
  JSON.parse(plan).map(([bytes]) => [bytes, Buffer.from(JSON.stringify({ text: 'a'.repeat(bytes - 11) }))]),
);

let sent = 0;
const once = (bytes) =>
  new Promise((resolve, reject) => {
    sent++;
    const headers = { 'content-type': 'application/json' };
    const to = { host: '127.0.0.1', port, path: `/${bytes}`, method: 'POST', headers };
    const options = { ...to, agent, rejectUnauthorized: false };
    const asked = request(options, (response) => response.resume().on('end', resolve));
    asked.on('error', reject).end(bodies.get(bytes));
  });

const figures = [];
for (const [bytes, requests] of JSON.parse(plan)) {
  for (let done = 0; done < WARM * requests; done++) await once(bytes);
  await sleep(PAUSE);
  const before = process.cpuUsage();
  const began = performance.now();
  for (let done = 0; done < requests; done++) await once(bytes);
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  figures.push({ bytes, cpuMs: (user + system) / 1000, wallMs });
}
writeFileSync(`${report}.part`, JSON.stringify({ pid: process.pid, sent, figures }));
renameSync(`${report}.part`, report);
if (stay) await sleep(1e8);
agent.destroy();
