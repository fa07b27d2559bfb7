// Reads facts out of an audit log. Nothing here knows what the demo expects to find.
import { readFileSync } from 'node:fs';

const EINPROGRESS = 115; // the usual "failure" of a non-blocking connect: the connection is being made

/** The events of a JSONL file, in order. */
export function readJsonl(file) {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line));
}

/** An event stands for itself and for `count` further ones like it. */
const occurrences = (events) => events.reduce((sum, event) => sum + 1 + (event.count ?? 0), 0);

/** Files under `folder` that were opened, each with how often and in which line first: `{path, times, seq}`. */
export function filesOpened(events, folder) {
  const opens = events.filter(
    (event) => event.event_type === 'file_open' && event.errno === undefined && event.path?.startsWith(`${folder}/`),
  );
  const paths = [...new Set(opens.map((event) => event.path))].sort();
  return paths.map((path) => {
    const of = opens.filter((event) => event.path === path);
    return { path, times: occurrences(of), seq: of[0].seq };
  });
}

/** The start of the agent. */
export const firstExec = (events) =>
  events.find(({ event_type, errno }) => event_type === 'process_exec' && errno === undefined);

/** Every destination that was connected to: `{address, port, domain, times, seq}`, in order of appearance. */
export function destinations(events) {
  const connects = events.filter(
    (event) => event.event_type === 'network_connect' && [undefined, EINPROGRESS].includes(event.errno),
  );
  const found = new Map();
  for (const event of connects) {
    const key = `${event.dest_ip} ${event.dest_port}`;
    found.set(key, [...(found.get(key) ?? []), event]);
  }
  return [...found.values()].map((of) => ({
    address: of[0].dest_ip,
    port: of[0].dest_port,
    domain: of.find((event) => event.dest_domain)?.dest_domain,
    times: occurrences(of),
    seq: of[0].seq,
  }));
}

/**
 * The processes as a forest: `{pid, innerPid, argv, exit, children}`. A process is told apart by its life (fork to exit),
 * not by its pid. One that never called exec has its parent's argv, and `forked: true`.
 */
export function processTree(events) {
  const living = new Map();
  const roots = [];
  const add = (event) => {
    const parent = living.get(event.ppid);
    const node = { pid: event.pid, innerPid: event.pid_inner ?? event.pid, argv: parent?.argv ?? [event.comm] };
    Object.assign(node, { forked: parent !== undefined, exit: undefined, children: [] });
    (parent?.children ?? roots).push(node);
    living.set(event.pid, node);
    return node;
  };
  for (const event of events) {
    if (event.event_type === 'process_fork') add(event);
    else if (event.event_type === 'process_exec' && event.errno === undefined) {
      const node = living.get(event.pid) ?? add(event);
      Object.assign(node, { argv: event.argv, forked: false, innerPid: event.pid_inner ?? node.innerPid });
    } else if (event.event_type === 'process_exit') {
      const node = living.get(event.pid);
      if (node) node.exit = event.signal ?? event.exit_code;
      living.delete(event.pid);
    }
  }
  return roots;
}

/** All nodes of a forest, parents first. */
export const everyProcess = (nodes) => nodes.flatMap((node) => [node, ...everyProcess(node.children)]);

/** How many events the log itself says are missing from it. */
export const eventsLost = (events) => {
  const losses = events.filter((event) => event.event_type === 'events_lost');
  return losses.reduce((sum, event) => sum + (event.count ?? 0), 0);
};
