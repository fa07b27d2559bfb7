// What each way of programs/bypass.c does, and what must stop it. docs/bypass.md is made from this and from the results.

/**
 * `deny`, `allow`: the rule that stops it under the deny-list and the allow-list (bypass-scene.mjs).
 * `since`: the first kernel that has it, as Debian builds it.
 * `open`: why nothing stops it, under the kinds of policy that are named; it must lead there then.
 * `untold`: it fails without an error that tells why: the program was started and did not do it.
 */
const file = (what, more) => [what, { deny: 'closed', allow: 'default_action.file', ...more }];
const both = (rule, what, more) => [what, { deny: rule, allow: rule, ...more }];
const code = (what, more) => file(what, { allow: 'code', ...more });
const tool = (what, more) => both('not_run', what, more);
const own = (what, more) => both('own', what, more);
const network = (what, more) => [what, { deny: 'closed_address', allow: 'default_action.network', ...more }];
const port = (what, more) => network(what, { deny: 'closed_port', ...more });
const route = (what, more) => both('self_protection.kernel', what, more);

const always = (why) => ({ deny: why, allow: why });

const WAYS_BY_ROOM = {
  'Names of a file that is closed': {
    plain: file('open it'),
    read_write: file('open it for reading and writing'),
    dotdot: file('`..`, `.` and double slashes'),
    relative: file('from the folder beside it, by `../`'),
    by_symlink: file('a symbolic link to it'),
    by_folder_symlink: file('a symbolic link to its folder'),
    deep: file('150 folders below what is closed'),
    long_name: file('a name of 4,095 bytes'),
    proc_root: file('`/proc/self/root/…`'),
    proc_cwd: file('`/proc/self/cwd/…`, in its folder'),
    by_chroot: file('`chroot` into the folder above'),
    by_int80: file('the open of 32-bit programs, `int 0x80`'),
    list_folder: file('list its folder'),
    watch_folder: file('watch its folder: `inotify` tells the names in it', {
      open: { allow: 'what a list does not name may be watched; that opens nothing' },
    }),
    behind_link: both('by_link', 'the rule names a symbolic link, the open the file'),
    bound_from: both('by_mount', 'the rule names a bind mount, the open what was bound'),
    bound_to: both('by_mount', 'the rule and the open name the bind mount'),
    hard_link_before: both('named', 'a hard link that was there before the policy'),
    moved_by_others: both('outside', 'somebody outside the tree has moved its folder'),
    look_at: file('`stat`: its size, times and owner', {
      open: always('looking at a name opens nothing'),
    }),
    same_device: file('a new node for the device of a closed node', {
      open: always('a rule over a node is about the node, not the device'),
    }),
  },
  Mounts: {
    mount_namespace: file('in a mount namespace of its own'),
    bind_file: file('bind it to where reading is allowed'),
    bind_folder: file('bind its folder'),
    bind_parent: file('bind the folder above'),
    moved_mount: both('by_mount', 'move the bind mount that a rule names'),
    by_open_tree: file('`open_tree`: a copy of the mount that is nowhere'),
    moved_tree: file('`open_tree` and `move_mount` to where reading is allowed'),
    proc_child_root: file('`/proc/PID/root` of a child that has bound it elsewhere'),
  },
  'Descriptors, handles and other processes': {
    proc_fd: file('`/proc/self/fd/N/…` of the folder above'),
    reopened: file('`O_PATH`, and open `/proc/self/fd/N`'),
    beneath: file('`openat2` with `RESOLVE_BENEATH`'),
    by_handle: file('`name_to_handle_at` and `open_by_handle_at`'),
    by_lost_handle: both('default_action.file', 'a handle, when the kernel has forgotten the name', {
      since: '5.11', // of the files that there are in the test, it keeps those of cgroups too
    }),
    queue_by_exec_flag: file('`mq_open` of a message queue, with the flag of what `execve` opens'),
    proc_outsider_root: file('`/proc/PID/root` of a process outside the tree'),
    proc_outsider_fd: file('`/proc/PID/fd/N` of a process outside that has it open'),
    taken_fd: both('self_protection.outside', '`pidfd_getfd` from a process outside that has it open'),
    received_fd: file('a process outside hands over its descriptor (`SCM_RIGHTS`)', { untold: true }),
    by_fanotify: file('the descriptor that `fanotify` makes when somebody outside opens it'),
  },
  Races: {
    race_argument: file('another thread changes the argument of `open`'),
    race_symlink: file('another thread changes the link that `open` follows'),
  },
  io_uring: {
    by_io_uring: file('open'),
    uring_worker: file('open, by a worker thread (`IOSQE_ASYNC`)'),
    uring_poller: file('open, by the polling thread (`IORING_SETUP_SQPOLL`)'),
    uring_openat2: file('`openat2`'),
    uring_fixed: file('open into a fixed place, without a descriptor'),
    uring_delete: file('delete'),
    uring_move: file('rename'),
    uring_link: file('hard link', { since: '5.15' }),
    uring_folder: file('make a folder', { since: '5.15' }),
    uring_xattr: file('an extended attribute, under a registered personality', { since: '5.19' }),
    uring_connect: network('connect'),
    send_uring: network('send a datagram'),
    uring_bind: port('bind a port', { since: '6.11' }),
  },
  'Changing what is closed': {
    cut_by_open: file('cut it, `O_RDONLY | O_TRUNC`'),
    cut: file('`truncate`'),
    by_accounting: file('`acct`: the kernel writes to it'),
    create: file('create'),
    create_by_fd: file('create by a descriptor of the folder'),
    make_folder: file('make a folder'),
    make_symlink: file('make a symbolic link'),
    make_fifo: file('make a FIFO'),
    make_node: file('`mknod` of a file'),
    make_socket: file('bind a unix socket there'),
    link_into: file('hard link into it'),
    link_tmpfile: file('`O_TMPFILE` elsewhere, and `linkat` into it'),
    hard_link: file('hard link out of it'),
    link_by_fd: file('hard link by a descriptor, `AT_EMPTY_PATH`'),
    move_file: file('rename out of it'),
    move_folder: file('rename the folder'),
    move_parent: file('rename the folder above', { allow: 'kept' }),
    move_over: file('rename over a file in it'),
    exchange: file('`RENAME_EXCHANGE` of a file'),
    exchange_parent: file('`RENAME_EXCHANGE` of the folder above', { allow: 'kept' }),
    delete_file: file('delete a file'),
    delete_by_fd: file('delete by a descriptor of the folder'),
    delete_folder: file('delete a folder'),
    change_mode: file('`chmod`'),
    change_mode_by_fd: file('`chmod` by `/proc/self/fd/N`'),
    change_owner: file('`chown`'),
    change_owner_by_fd: file('`chown` by a descriptor, `AT_EMPTY_PATH`'),
    change_times: file('its times'),
    change_xattr: file('an extended attribute'),
    remove_xattr: file('remove an extended attribute'),
    change_acl: file('an access control list'),
    remove_acl: file('remove an access control list'),
    change_flags: file('its flags, by `file_setattr`', { since: '6.17' }),
    queue_delete: file('`mq_unlink` of a message queue', {
      open: always('no hook that knows a path is asked about the names of message queues'),
    }),
  },
  'Running what must not be run': {
    exec_plain: code('run it'),
    exec_symlink: code('by a symbolic link'),
    exec_script: code('as what the `#!` line of a script names'),
    exec_fd: code('`execveat` of a descriptor'),
    exec_by_loader: file('`ld.so PROGRAM`, of a program that cannot be read', { untold: true }),
    map_code: file('map its code, of a program that cannot be read'),
    tool_plain: tool('run a program that may be read'),
    tool_fd: tool('`execveat` of a descriptor, of one that may be read'),
    tool_by_loader: tool('`ld.so PROGRAM`, of one that may be read', { untold: true }),
    tool_mapped: tool('map its code'),
    tool_protected: tool('map it for reading, then `mprotect`'),
    tool_implied: tool('map it for reading under `READ_IMPLIES_EXEC`'),
    tool_implied_later: tool('`mprotect` for reading under `READ_IMPLIES_EXEC`'),
  },
  'Running what the tree itself wrote': {
    own_copy: own('run a copy of a program'),
    own_by_loader: own('`ld.so PROGRAM`', { untold: true }),
    own_symlink: own('by a symbolic link'),
    own_renamed: own('under another name, by `rename`'),
    own_linked: own('under another name, by a hard link'),
    own_over: own('under the name of a program that may be run, by `rename`'),
    own_exchanged: own('under the name of a program that may be run, by `RENAME_EXCHANGE`'),
    own_bound: own('under the name of a program that may be run, in a mount namespace of its own'),
    own_changed: own('a program that may be run, with one byte more'),
    own_tmpfs: own('in a tmpfs that it has mounted itself', { allow: 'default_action.file' }),
    own_script: own('a script'),
    own_interpreter: own('what the `#!` line of a script names'),
    own_read_by_shell: own('give a script to a shell that may be run', {
      open: always('what an interpreter reads is no program to the kernel'),
    }),
    own_memfd: own('`execveat` of a memfd'),
    own_deleted: own('by `/proc/self/fd/N`, deleted already'),
    own_tmpfile: own('made by `O_TMPFILE`, and `linkat`'),
    own_shared: own('written by a shared mapping'),
    own_by_ring: own('written by an io_uring'),
    own_handed_over: own('written by a descriptor that a process outside has opened (`SCM_RIGHTS`)'),
    own_preloaded: own('a library, by `LD_PRELOAD`', { untold: true }),
    own_mapped: own('map its code, as `dlopen` does'),
    own_protected: own('map it for reading, then `mprotect`'),
    own_memfd_mapped: own('map the code of a memfd'),
    own_memory: own('write code into memory, then `mprotect`', {
      open: always('memory of no file is nothing that a rule could name'),
    }),
  },
  Network: {
    connect_v4: network('connect'),
    connect_mapped: network('connect to `::ffff:127.0.0.2`'),
    connect_fastopen: network('send with `MSG_FASTOPEN`'),
    connect_mptcp: network('connect by Multipath TCP', { since: '5.11' }),
    connect_udp: network('connect a UDP socket'),
    send_udp: network('send a datagram'),
    send_unspecified: network('send to a name of family `AF_UNSPEC`'),
    send_mapped: network('send to `::ffff:127.0.0.2`'),
    send_connected: network('send elsewhere than the socket is connected to'),
    send_second: network('the second message of a `sendmmsg`', { untold: true }),
    send_raw: network('a raw socket'),
    send_header: network('a raw socket whose IP header names another address than the call', {
      open: always('the header of a packet is not read'),
    }),
    send_packet: network('a packet socket', { open: { deny: 'a packet socket names a device and no address' } }),
    raw_v6_unspecified: network('a raw IPv6 socket, to a name of family `AF_UNSPEC`'),
    route_connect: route('connect elsewhere, with a source route (`IP_OPTIONS`) that goes there first'),
    route_later: route('the same, set on the connected socket'),
    route_message: route('the same, of one message'),
    route_second: route('the same, of the second message of a `sendmmsg`', {
      open: always('of messages to one address the kernel asks about the first'),
    }),
    route_v6: route('an IPv6 routing header that goes there first', { allow: 'default_action.network' }),
    bind_port: port('bind a port'),
    bind_v6: port('bind it for IPv6'),
    connect_unix: file('connect to a unix socket there, by its name in the current folder', {
      allow: 'default_action.network',
    }),
    connect_unix_fd: file('connect to it by `/proc/self/fd/N`', { allow: 'default_action.network' }),
  },
};

/** [room, [{ name, what, deny, allow, since, open, untold }]] */
export const ROOMS = Object.entries(WAYS_BY_ROOM).map(([room, ways]) => [
  room,
  Object.entries(ways).map(([name, [what, rest]]) => ({ name, what, ...rest })),
]);

export const WAYS = ROOMS.flatMap(([, ways]) => ways);
