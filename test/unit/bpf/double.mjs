// A loader without a kernel: it speaks the protocol of agentgov-loader and does what its script says. It stands in for
// the real one where the subject is what agentgov does with it, above all with its failures.
import { spawn } from 'node:child_process';
import { closeSync, createReadStream, readFileSync, writeSync } from 'node:fs';

const events = { file: 0, process: 0, network: 0, security: 0 };

/** Pipes to a test that reads slowly fill up: writeSync says EAGAIN then. */
function writeAll(text) {
  for (let bytes = Buffer.from(text, 'latin1'); bytes.length > 0; ) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      if (error.code === 'EPIPE') process.exit(0);
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
const send = (message) => writeAll(`${JSON.stringify(message)}\n`);

/** One event line as the loader writes it: keys sorted, Python's separators, ASCII, three placeholders. */
export function eventLine(agentId, fields) {
  const event = {
    action: 'OBSERVED',
    agent_id: agentId,
    comm: 'agent',
    exe: '/usr/bin/agent',
    gid: 0,
    hash_prev: '',
    pid: 4242,
    ppid: 1,
    seq: 0,
    start_us: 1000,
    tid: 4242,
    timestamp: '2026-04-14T09:23:01.234Z',
    ts_us: 5000,
    uid: 0,
    ...fields,
  };
  const value = (v) => (Array.isArray(v) ? `[${v.map(value).join(', ')}]` : JSON.stringify(v));
  const body = Object.keys(event)
    .sort()
    .map((key) => `${JSON.stringify(key)}: ${value(event[key])}`);
  return `{${body.join(', ')}}`.replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    // A zombie has ended: only its parent has not looked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
};

function run(script, agentId) {
  let pids = [];
  const line = (fields) => {
    events.file++;
    return `${eventLine(agentId, fields)}\n`;
  };
  const bye = () => {
    send({ msg: 'bye', emitted: events, lost: script.lostAtEnd ?? {} });
    process.exit(script.exit ?? 0);
  };
  if (script.refuse) {
    send({ msg: 'error', code: 'EPERM', text: script.refuse });
    process.stderr.write(`${script.refuse}\n`);
    process.exit(3);
  }
  if (!script.silent) {
    send({
      msg: 'hello',
      protocol: 1,
      version: script.packageVersion,
      kernel: '6.1.0-double',
      tier: 'observe',
      tier_reason: 'a double has no kernel',
      leaky: false,
      btf: true,
      boot_id: '00000000-0000-0000-0000-000000000000',
      notes: ['io_uring work is invisible.'],
      ...script.hello,
    });
  }
  if (script.dieAtOnce) process.exit(4);
  if (script.garbage) writeAll(script.garbage);

  function feed() {
    for (const fields of script.events ?? []) writeAll(line(fields));
    for (const raw of script.raw ?? []) writeAll(`${raw}\n`);
    for (const fields of script.after ?? []) writeAll(line(fields));
    let left = script.bulk ?? 0;
    while (left > 0) {
      const batch = Math.min(left, 1000);
      let text = '';
      for (let i = 0; i < batch; i++) {
        text += line({
          event_type: 'file_open',
          access: 'read',
          flags: ['O_RDONLY'],
          path: `/data/${left - i}`,
          syscall: 'openat',
        });
      }
      writeAll(text);
      left -= batch;
    }
    if (script.killAfterEvents) process.kill(process.pid, 'SIGKILL');
    if (script.emptyAfterEvents) send({ msg: 'empty' });
  }

  const commands = {
    govern(command) {
      if (script.refuseGovern) {
        send({ msg: 'error', id: command.id, ...script.refuseGovern });
        return;
      }
      const missing = command.pids.find((pid) => !alive(pid));
      if (missing !== undefined) {
        send({ msg: 'error', id: command.id, code: 'ESRCH', text: `there is no process ${missing}` });
        return;
      }
      pids = command.pids;
      send({ msg: 'governing', id: command.id, pids, processes: pids.length });
      feed();
      const watch = setInterval(() => {
        if (pids.some(alive)) return;
        clearInterval(watch);
        send({ msg: 'empty' });
      }, 10);
    },
    stop(command) {
      const victims = pids.filter(alive);
      if (!script.unkillable) for (const pid of victims) process.kill(pid, 'SIGKILL');
      send({
        msg: 'stopped',
        id: command.id,
        killed: script.unkillable ? 0 : victims.length,
        left: script.unkillable ? victims.length : 0,
      });
    },
    stats(command) {
      const processes = pids.filter(alive).length;
      send({ msg: 'stats', id: command.id, processes, emitted: events, lost: {}, folds: 0, rss_kb: 1, map_bytes: 1 });
    },
    member(command) {
      send({ msg: 'member', id: command.id, pid: command.pid, member: (script.members ?? []).includes(command.pid) });
    },
    // Asked about a process when another engine gives no answer, as those of tests beside this one may: they end at any
    // moment, on a busy machine. There is no table of a double in the kernel, and none of them is missed.
    tables(command) {
      const member = (script.members ?? []).includes(command.pid);
      send({ msg: 'tables', id: command.id, pid: command.pid, member, tables: 1_000_000 });
    },
    policy(command) {
      send({ msg: 'policy', id: command.id, entries: 0 });
    },
    clear(command) {
      send({ msg: 'policy', id: command.id, entries: 0 });
    },
    swap(command) {
      send({ msg: 'policy', id: command.id, entries: 0 });
    },
    block(command) {
      send({ msg: 'policy', id: command.id, entries: 0 });
    },
    unblock(command) {
      send({ msg: 'policy', id: command.id, entries: 0 });
    },
    guard(command) {
      send({ msg: 'policy', id: command.id, entries: 0 });
    },
    keep(command) {
      if (script.refuseKeep) send({ msg: 'error', id: command.id, code: 'EIO', text: script.refuseKeep });
      else send({ msg: 'keeping', id: command.id, pinned: true });
    },
    release(command) {
      send({ msg: 'keeping', id: command.id, pinned: false });
    },
    take_over(command) {
      const nothing = { runs: 0, processes: 0, since_us: 0, engine: 0, counted: true, verdicts: 0, others_since: 0 };
      send({ msg: 'taken_over', id: command.id, ...nothing, ...script.takenOver });
    },
    forget(command) {
      send({ msg: 'keeping', id: command.id, pinned: true });
    },
    leave: bye,
    quit: bye,
  };

  let rest = '';
  process.stdin.on('data', (chunk) => {
    rest += chunk;
    const lines = rest.split('\n');
    rest = lines.pop();
    for (const text of lines) {
      const command = JSON.parse(text);
      if (script.deafTo === command.cmd) continue;
      commands[command.cmd](command);
    }
  });
  process.stdin.on('end', bye);
  process.on('SIGINT', () => {});
}

/** `exec`: waits for its byte, then becomes CMD as far as a script can: it runs it and ends as it ends. */
function exec(args) {
  const [cmd, ...rest] = args.slice(args.indexOf('--') + 1);
  let gone = false;
  const gate = readGate(3);
  gate.then((go) => {
    if (!go) process.exit(125);
    const child = spawn(cmd, rest, { stdio: 'inherit' });
    child.on('error', (error) => {
      const errno = error.code === 'ENOENT' ? 2 : 13;
      writeSync(4, `${errno}\n`);
      process.exit(errno === 2 ? 127 : 126);
    });
    child.on('spawn', () => closeReport());
    child.on('exit', (code, signal) => {
      gone = true;
      if (signal !== null) process.kill(process.pid, signal);
      else process.exit(code);
    });
    for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => gone || child.kill(name));
  });
}

export function double(script) {
  const [command, ...args] = process.argv.slice(2);
  if (command === 'run') run(script, args[args.indexOf('--agent-id') + 1]);
  else if (command === 'exec') exec(args);
  else if (command === 'probe') process.stdout.write(JSON.stringify(script.probe));
  else if (command === 'peer') process.stdout.write(script.peer ?? '');
}

function readGate(fd) {
  return new Promise((resolve) => {
    const stream = createReadStream('', { fd, autoClose: false });
    stream.once('data', () => resolve(true));
    stream.once('end', () => resolve(false));
    stream.once('error', () => resolve(false));
  });
}
const closeReport = () => closeSync(4);
