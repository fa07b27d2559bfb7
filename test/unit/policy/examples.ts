// The table of examples: docs/policy.md is made from it, and decide.test.ts holds the engine to it.

/** One event and what becomes of it. */
export interface Example {
  /** Fields of the event beside event_type. */
  readonly event: Readonly<Record<string, string | number | boolean | string[]>>;
  readonly action: 'ALLOW' | 'HUMAN_APPROVAL' | 'BLOCK';
  /** Name of the rule, or of the default. */
  readonly by: string;
  /** Program and script that act, where they are not in the event. */
  readonly who?: { exe?: string; script?: string };
}

export interface Group {
  readonly title: string;
  readonly why: string;
  /** The rules, as YAML flow maps: name -> match and action. */
  readonly rules: Readonly<Record<string, string>>;
  readonly examples: readonly Example[];
}

const open = (path: string, more: Example['event'] = {}): Example['event'] => ({
  event_type: 'file_open',
  access: 'read',
  path,
  ...more,
});
const write = (path: string): Example['event'] => open(path, { access: 'write' });
const connect = (more: Example['event']): Example['event'] => ({
  event_type: 'network_connect',
  dest_port: 443,
  protocol: 'tcp',
  ...more,
});
const exec = (path: string, more: Example['event'] = {}): Example['event'] => ({
  event_type: 'process_exec',
  path,
  exe: path,
  ...more,
});
const ok = (event: Example['event'], by: string, who?: Example['who']): Example => ({
  event,
  action: 'ALLOW',
  by,
  ...(who && { who }),
});
const no = (event: Example['event'], by: string, who?: Example['who']): Example => ({
  event,
  action: 'BLOCK',
  by,
  ...(who && { who }),
});

const FILE = 'default_action.file';
const NET = 'default_action.network';
const EXEC = 'default_action.exec';

/** Every policy of the table begins with `default_action: {file: BLOCK, exec: BLOCK, network: BLOCK, tool: BLOCK}`. */
export const GROUPS: readonly Group[] = [
  {
    title: 'The deepest folder decides',
    why: 'A folder speaks of itself and of all below it, at the borders of components. `path_prefix: ["/w"]`, `path_prefix: ["/w/"]` and `path: ["/w/**"]` are the same.',
    rules: {
      work: 'match: {path_prefix: ["/w/"]}, action: ALLOW',
      secret: 'match: {path_prefix: ["/w/secret"]}, action: BLOCK',
      open: 'match: {path: ["/w/secret/open/**"]}, action: ALLOW',
    },
    examples: [
      ok(open('/w/a'), 'work'),
      ok(open('/w'), 'work'),
      no(open('/work'), FILE),
      no(open('/w/secret/a'), 'secret'),
      ok(open('/w/secrets'), 'work'),
      ok(open('/w/secret/open/a/b'), 'open'),
    ],
  },
  {
    title: 'An exact path before a pattern, a pattern before a folder',
    why: '`*` stays within a component and `**` is any number of whole components. A pattern that says what the file is called is nearer than the folder that it lies in.',
    rules: {
      folder: 'match: {path_prefix: ["/w/"]}, action: BLOCK',
      names: 'match: {path: ["/w/*.md"]}, action: ALLOW',
      one: 'match: {path: ["/w/plan.md"]}, action: HUMAN_APPROVAL',
      star: "match: {path: ['/w/\\*']}, action: ALLOW",
    },
    examples: [
      ok(open('/w/a.md'), 'names'),
      no(open('/w/sub/a.md'), 'folder'),
      { event: open('/w/plan.md'), action: 'HUMAN_APPROVAL', by: 'one' },
      ok(open('/w/*'), 'star'),
      no(open('/w/x'), 'folder'),
    ],
  },
  {
    title: 'What forbids is read widely, what permits narrowly',
    why: 'A name anywhere (`**/.env`) that is forbidden stands above every permitted folder; the same pattern in an ALLOW rule counts as the folder that it begins with, so it opens nothing that is closed. An exception is written as an exact path.',
    rules: {
      work: 'match: {path_prefix: ["/w/"]}, action: ALLOW',
      env: 'match: {path: ["**/.env", "**/.git/hooks/**"]}, action: BLOCK',
      exception: 'match: {path: ["/w/demo/.env"], access: [read]}, action: ALLOW',
      keys: 'match: {path_prefix: ["/k"]}, action: BLOCK',
      text: 'match: {path: ["**/*.md"]}, action: ALLOW',
    },
    examples: [
      no(open('/w/app/.env'), 'env'),
      no(write('/w/.git/hooks/pre-commit'), 'env'),
      ok(open('/w/demo/.env'), 'exception'),
      no(write('/w/demo/.env'), 'env'),
      ok(open('/doc/a.md'), 'text'),
      no(open('/k/a.md'), 'keys'),
    ],
  },
  {
    title: 'On a tie: the narrower rule, then the stricter action',
    why: 'For the same object, a rule for one program stands above one for all, then one for fewer operations, then one for fewer ports. What is still equal is decided by the stricter action, and two rules that are equal in everything else do not load.',
    rules: {
      all: 'match: {path: ["~/.claude/.credentials.json"]}, action: BLOCK',
      own: 'match: {path: ["~/.claude/.credentials.json"], access: [read], exe: ["**/claude-code/bin/*"]}, action: ALLOW',
      script: 'match: {path: ["/w/x"], script: ["/w/tool.py"]}, action: ALLOW',
      log: 'match: {path_prefix: ["/l"], access: [write, create]}, action: ALLOW',
      logs: 'match: {path_prefix: ["/l"], access: [write]}, action: HUMAN_APPROVAL',
    },
    examples: [
      ok(open('/home/u/.claude/.credentials.json', { exe: '/usr/lib/claude-code/bin/claude' }), 'own'),
      no(open('/root/.claude/.credentials.json', { exe: '/usr/bin/cat' }), 'all'),
      no(open('/root/.claude/.credentials.json'), 'all'),
      ok(open('/w/x'), 'script', { exe: '/usr/bin/python3', script: '/w/tool.py' }),
      no(open('/w/x'), FILE, { exe: '/usr/bin/python3' }),
      { event: write('/l/a'), action: 'HUMAN_APPROVAL', by: 'logs' },
    ],
  },
  {
    title: 'Rules with a path and no operation',
    why: 'ALLOW then means the accesses to files, and never that the file may be run; what forbids also means running it and connecting to it.',
    rules: {
      work: 'match: {path_prefix: ["/w/"]}, action: ALLOW',
      run: 'match: {access: [exec], path: ["/usr/bin/*"]}, action: ALLOW',
      never: 'match: {path: ["/usr/bin/nc", "/run/docker.sock"]}, action: BLOCK',
    },
    examples: [
      ok(write('/w/tool'), 'work'),
      no(exec('/w/tool'), EXEC),
      ok(exec('/usr/bin/git'), 'run'),
      no(exec('/usr/bin/nc'), 'never'),
      no({ event_type: 'unix_connect', path: '/run/docker.sock' }, 'never'),
      no({ event_type: 'unix_connect', path: '/w/sock' }, NET),
    ],
  },
  {
    title: 'Events that hold several operations',
    why: 'All of them must pass; the strictest answer counts. Opening for reading and writing is both, and so is O_TRUNC. A file that an open creates is created and then opened. A `#!` script is run, and so is its interpreter.',
    rules: {
      read: 'match: {path_prefix: ["/r"], access: [read]}, action: ALLOW',
      make: 'match: {path_prefix: ["/m"], access: [create, write]}, action: ALLOW',
      only: 'match: {path_prefix: ["/c"], access: [create]}, action: ALLOW',
      sh: 'match: {access: [exec], path: ["/bin/sh", "/w/a.sh"]}, action: ALLOW',
    },
    examples: [
      ok(open('/r/a'), 'read'),
      no(open('/r/a', { access: 'read_write' }), FILE),
      no(open('/r/a', { flags: ['O_TRUNC'] }), FILE),
      ok({ event_type: 'file_create', access: 'write', path: '/m/a' }, 'make'),
      no({ event_type: 'file_create', access: 'write', path: '/c/a' }, FILE),
      ok({ event_type: 'file_create', access: 'create', path: '/c/dir' }, 'only'),
      ok(exec('/bin/sh', { script: '/w/a.sh', interpreter: '/bin/sh' }), 'sh'),
      no(exec('/bin/sh', { script: '/w/b.sh', interpreter: '/bin/sh' }), EXEC),
    ],
  },
  {
    title: 'Renames and links',
    why: 'Both names are asked about. They give a file a name that its rules do not speak of, so a rule that forbids to read, write or delete it forbids to take it away as well, and one that forbids to write or create forbids to put another file in its place.',
    rules: {
      work: 'match: {path_prefix: ["/w"]}, action: ALLOW',
      key: 'match: {path: ["/w/key"], access: [read]}, action: BLOCK',
      config: 'match: {path: ["/w/config"], access: [write]}, action: BLOCK',
      run: 'match: {path: ["/w/bin/**"], access: [exec]}, action: BLOCK',
    },
    examples: [
      ok({ event_type: 'file_rename', path: '/w/a', path_to: '/w/b' }, 'work'),
      no({ event_type: 'file_rename', path: '/w/a', path_to: '/tmp/a' }, FILE),
      no({ event_type: 'file_rename', path: '/tmp/a', path_to: '/w/a' }, FILE),
      no({ event_type: 'file_rename', path: '/w/key', path_to: '/w/b' }, 'key'),
      no({ event_type: 'file_link', path: '/w/key', path_to: '/w/b' }, 'key'),
      no({ event_type: 'file_rename', path: '/w/a', path_to: '/w/config' }, 'config'),
      ok({ event_type: 'file_rename', path: '/w/bin/a', path_to: '/w/b' }, 'work'),
      no({ event_type: 'file_rename', path: '/w/key', path_to: '/w/a', flags: ['RENAME_EXCHANGE'] }, 'key'),
    ],
  },
  {
    title: 'Names of hosts',
    why: '`*.x` is every name below x, not x itself. In a rule that forbids, a bare name covers all below it; in an ALLOW rule it is exact. Exact stands before wildcard.',
    rules: {
      api: 'match: {destination_domain: ["api.example.org"]}, action: ALLOW',
      below: 'match: {destination_domain: ["*.internal.example.net"]}, action: ALLOW',
      cloud: 'match: {destination_domain: ["run-*.cloud.example.net"]}, action: ALLOW',
      pay: 'match: {destination_domain: ["pay.example.com"]}, action: BLOCK',
      docs: 'match: {destination_domain: ["docs.pay.example.com"], port: [443]}, action: ALLOW',
    },
    examples: [
      ok(connect({ dest_domain: 'api.example.org' }), 'api'),
      ok(connect({ dest_domain: 'API.Example.ORG.' }), 'api'),
      no(connect({ dest_domain: 'v1.api.example.org' }), NET),
      ok(connect({ dest_domain: 'a.b.internal.example.net' }), 'below'),
      no(connect({ dest_domain: 'internal.example.net' }), NET),
      ok(connect({ dest_domain: 'run-7.cloud.example.net' }), 'cloud'),
      no(connect({ dest_domain: 'x.run-7.cloud.example.net' }), NET),
      no(connect({ dest_domain: 'pay.example.com' }), 'pay'),
      no(connect({ dest_domain: 'v1.pay.example.com' }), 'pay'),
      no(connect({ dest_domain: 'notpay.example.com' }), NET),
      ok(connect({ dest_domain: 'docs.pay.example.com' }), 'docs'),
      no(connect({ dest_domain: 'docs.pay.example.com', dest_port: 80 }), 'pay'),
      no(connect({ dest_ip: '192.0.2.1' }), NET),
    ],
  },
  {
    title: 'Addresses',
    why: 'One address stands before a name, a name before a block, a longer prefix before a shorter one. IPv4 in IPv6 clothes is IPv4, and the address 0.0.0.0 leads to the loopback.',
    rules: {
      name: 'match: {destination_domain: ["db.internal"]}, action: ALLOW',
      metadata: 'match: {destination_ip: ["169.254.169.254"]}, action: BLOCK',
      private: 'match: {destination_ip: ["10.0.0.0/8", "fd00::/8"]}, action: BLOCK',
      lab: 'match: {destination_ip: ["10.1.0.0/16"], port: [5432, "8000-8100"], protocol: [tcp]}, action: ALLOW',
      self: 'match: {destination_ip: ["127.0.0.0/8", "::1"]}, action: ALLOW',
    },
    examples: [
      ok(connect({ dest_ip: '10.0.0.9', dest_domain: 'db.internal' }), 'name'),
      no(connect({ dest_ip: '169.254.169.254', dest_domain: 'db.internal' }), 'metadata'),
      no(connect({ dest_ip: '10.9.0.1' }), 'private'),
      ok(connect({ dest_ip: '10.1.0.1', dest_port: 5432 }), 'lab'),
      ok(connect({ dest_ip: '::ffff:10.1.0.1', dest_port: 8050 }), 'lab'),
      no(connect({ dest_ip: '10.1.0.1', dest_port: 8101 }), 'private'),
      no(connect({ dest_ip: '10.1.0.1', dest_port: 5432, protocol: 'udp' }), 'private'),
      no(connect({ dest_ip: 'fd12::1' }), 'private'),
      ok(connect({ dest_ip: '0.0.0.0', dest_port: 80 }), 'self'),
      ok(connect({ dest_ip: '::', dest_port: 80 }), 'self'),
      no({ event_type: 'network_bind', local_ip: '127.0.0.1', local_port: 80 }, NET),
    ],
  },
  {
    title: 'Tools',
    why: 'A tool name with a kernel meaning (`file_read`, `file_write`, `http_request`, `exec`) holds for calls of the tool and for what any process does; other names hold at the gateway alone.',
    rules: {
      docs: 'match: {tool: [file_read, search], path_prefix: ["/docs/"]}, action: ALLOW',
      api: 'match: {tool: [http_request], destination_domain: ["*.internal"]}, action: ALLOW',
      prod: 'match: {tool: [db_query], database: ["prod-*"]}, action: HUMAN_APPROVAL',
      query: 'match: {tool: [db_query]}, action: ALLOW',
      github: 'match: {tool: ["mcp__github__*"]}, action: ALLOW',
      merge: 'match: {tool: [mcp__github__merge]}, action: BLOCK',
    },
    examples: [
      ok({ event_type: 'tool_call', tool: 'search', path: '/docs/a' }, 'docs'),
      ok(open('/docs/a'), 'docs'),
      no(write('/docs/a'), FILE),
      no({ event_type: 'tool_call', tool: 'file_write', path: '/docs/a' }, 'default_action.tool'),
      ok(connect({ dest_domain: 'crm.internal' }), 'api'),
      {
        event: { event_type: 'tool_call', tool: 'db_query', database: 'prod-1' },
        action: 'HUMAN_APPROVAL',
        by: 'prod',
      },
      ok({ event_type: 'tool_call', tool: 'db_query', database: 'test' }, 'query'),
      ok({ event_type: 'tool_call', tool: 'mcp__github__list' }, 'github'),
      no({ event_type: 'tool_call', tool: 'mcp__github__merge' }, 'merge'),
    ],
  },
  {
    title: 'Who acts',
    why: '`exe` and `script` are those of the process that acts; for `process_exec` that is the program that asks for another one. Unknown is nobody.',
    rules: {
      git: 'match: {access: [exec], path: ["/usr/bin/git"], exe: ["**/bin/claude"]}, action: ALLOW',
      hello: 'match: {event: [network_connect], exe: ["/usr/bin/curl"]}, action: ALLOW',
    },
    examples: [
      ok(exec('/usr/bin/git'), 'git', { exe: '/opt/bin/claude' }),
      no(exec('/usr/bin/git'), EXEC, { exe: '/usr/bin/bash' }),
      no(exec('/usr/bin/git'), EXEC),
      ok(connect({ dest_ip: '192.0.2.1', exe: '/usr/bin/curl' }), 'hello'),
      no(connect({ dest_ip: '192.0.2.1', exe: '/tmp/usr/bin/curl' }), NET),
      no(connect({ dest_ip: '192.0.2.1' }), NET),
    ],
  },
  {
    title: 'What no tool call explains',
    why: '`intent: [unmatched]` holds for events that carry it: with `--capture-tls`, programs, connections and changes of files that no tool call explains. Of two rules for the same, the one with it is the more exact.',
    rules: {
      work: 'match: {path_prefix: ["/w"]}, action: ALLOW',
      unasked: 'match: {path_prefix: ["/w"], event: [file_delete], intent: [unmatched]}, action: HUMAN_APPROVAL',
      net: 'match: {destination_ip: ["192.0.2.0/24"]}, action: ALLOW',
      alone: 'match: {destination_ip: ["192.0.2.0/24"], intent: [unmatched]}, action: BLOCK',
    },
    examples: [
      ok({ event_type: 'file_delete', path: '/w/a', cause_seq: 7 }, 'work'),
      {
        event: { event_type: 'file_delete', path: '/w/a', intent: 'unmatched' },
        action: 'HUMAN_APPROVAL',
        by: 'unasked',
      },
      ok(open('/w/a'), 'work'),
      ok(connect({ dest_ip: '192.0.2.1', cause_seq: 7 }), 'net'),
      no(connect({ dest_ip: '192.0.2.1', intent: 'unmatched' }), 'alone'),
    ],
  },
  {
    title: 'Programs that the tree wrote',
    why: '`written: true` holds where the file that is run is one that a process of the tree has written, `written: false` where it is not: programs, scripts, and code that is mapped. A rule with it is about running, and of two rules for the same object the one with it decides. An exception is a nearer path; a list of what may be run holds no program that was written over when its rules say `written: false`.',
    rules: {
      own: 'match: {written: true}, action: BLOCK',
      built: 'match: {written: true, path_prefix: ["/w/target"]}, action: ALLOW',
      usr: 'match: {access: [exec], path_prefix: ["/usr"]}, action: ALLOW',
      bin: 'match: {written: false, path: ["/usr/bin/*"]}, action: ALLOW',
      local: 'match: {access: [exec], path_prefix: ["/usr/local"]}, action: ALLOW',
      changed: 'match: {written: true, path_prefix: ["/usr/local"]}, action: HUMAN_APPROVAL',
    },
    examples: [
      no(exec('/w/tool', { written: true }), 'own'),
      no(exec('/w/tool'), EXEC),
      ok(exec('/w/target/tool', { written: true }), 'built'),
      no(exec('/w/target/tool'), EXEC),
      ok(exec('/usr/bin/git'), 'bin'),
      ok(exec('/usr/bin/git', { written: true }), 'usr'),
      ok(exec('/usr/bin/git', { script: '/usr/bin/s', interpreter: '/usr/bin/git' }), 'bin'),
      no(exec('/usr/bin/git', { script: '/w/s', script_written: true, interpreter: '/usr/bin/git' }), 'own'),
      ok(exec('/usr/local/x'), 'local'),
      { event: exec('/usr/local/x', { written: true }), action: 'HUMAN_APPROVAL', by: 'changed' },
      no(write('/w/tool'), FILE),
    ],
  },
  {
    title: 'What an event does not say',
    why: 'A path that was only asked for (`path_resolved: false`) is compared with its `..` taken out; an unresolved or absent path matches no pattern, so an allow-list blocks it. Bytes that are not UTF-8 are written as the log writes them. Opening with O_PATH opens nothing and is not asked about.',
    rules: {
      work: 'match: {path_prefix: ["/w"]}, action: ALLOW',
      byte: "match: {path: ['/b/\\xff']}, action: ALLOW",
      back: "match: {path: ['/b/\\\\x']}, action: ALLOW",
      memory: 'match: {event: [ptrace, kernel_tamper]}, action: BLOCK',
    },
    examples: [
      ok({ event_type: 'file_delete', path: '/w/./a//b', path_resolved: false }, 'work'),
      no({ event_type: 'file_delete', path: '/w/../etc/x', path_resolved: false }, FILE),
      no({ event_type: 'file_open', access: 'read' }, FILE),
      no({ event_type: 'file_open', access: 'read', path: 'w/a' }, FILE),
      ok({ event_type: 'file_open', path: '/w/a' }, 'work'),
      ok(open('/b/\\xff', { path_hex: '2f622fff' }), 'byte'),
      ok(open('/b/\\x'), 'back'),
      no({ event_type: 'ptrace', target_pid: 7 }, 'memory'),
      ok({ event_type: 'mount', path: '/a', path_to: '/b' }, 'default_action.system'),
    ],
  },
];
