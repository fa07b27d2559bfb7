// Every operation on files with its result: what a process tried, on what, and what the kernel answered.
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Argument,
  AT_FDCWD,
  again,
  type Done,
  type Event,
  NR,
  NR32,
  named,
  O,
  perform,
  result,
  Script,
  type Session,
  scratch,
} from '../support/index.js';

const folder = scratch();
const top = join(folder, 'top');
const at = (name: string): string => join(top, name);

const { EACCES, EEXIST, EFAULT, EISDIR, ELOOP, ENAMETOOLONG, ENODATA, ENOENT, ENOTDIR, ENOTEMPTY, EXDEV } =
  constants.errno;

/** One operation: the call, and the event that must come of it. Its name is in no other operation's paths. */
interface Operation {
  nr: number;
  args: Argument[];
  /** Made through int 0x80 by its 32-bit number. */
  ia32?: boolean;
  event: Partial<Event> & { event_type: string };
}

const inTop = result('top');
const inSub = result('sub');

/** struct timespec[2] and struct timeval[2] of 1 s, struct utimbuf. */
const times = Buffer.from('01000000000000000000000000000000'.repeat(2), 'hex');
/** struct open_how with RESOLVE_BENEATH. */
const beneath = Buffer.concat([Buffer.alloc(16), Buffer.from('0800000000000000', 'hex')]);

function opens(): Record<string, Operation> {
  const open = (path: string, access: string, errno?: number): Operation['event'] => ({
    event_type: 'file_open',
    path,
    access,
    ...(errno === undefined ? {} : { errno, path_resolved: false }),
  });
  const create = (path: string): Operation['event'] => ({ event_type: 'file_create', path });
  return {
    'read-only': {
      nr: NR.openat,
      args: [AT_FDCWD, at('read-only'), O.RDONLY, 0],
      event: open(at('read-only'), 'read'),
    },
    'write-only': { nr: NR.open, args: [at('write-only'), O.WRONLY, 0], event: open(at('write-only'), 'write') },
    'read-write': { nr: NR.open, args: [at('read-write'), O.RDWR, 0], event: open(at('read-write'), 'read_write') },
    'path-only': { nr: NR.open, args: [at('path-only'), O.PATH, 0], event: open(at('path-only'), 'path') },
    truncating: {
      nr: NR.open,
      args: [at('truncating'), O.WRONLY | O.TRUNC, 0],
      event: open(at('truncating'), 'write'),
    },
    'new-by-open': {
      nr: NR.open,
      args: [at('new-by-open'), O.CREAT | O.WRONLY, 0o600],
      event: create(at('new-by-open')),
    },
    'new-by-creat': { nr: NR.creat, args: [at('new-by-creat'), 0o600], event: create(at('new-by-creat')) },
    'old-by-creat': { nr: NR.creat, args: [at('old-by-creat'), 0o600], event: open(at('old-by-creat'), 'write') },
    relative: { nr: NR.open, args: ['relative', O.RDONLY], event: open(at('relative'), 'read') },
    'relative-dots': {
      nr: NR.open,
      args: ['./sub/.././/relative-dots', O.RDONLY],
      event: open(at('relative-dots'), 'read'),
    },
    'by-dirfd': { nr: NR.openat, args: [inSub, '../by-dirfd', O.RDONLY], event: open(at('by-dirfd'), 'read') },
    'by-openat2': { nr: NR.openat2, args: [inTop, 'by-openat2', beneath, 24], event: open(at('by-openat2'), 'read') },
    'link-to-file': { nr: NR.open, args: [at('link-to-file'), O.RDONLY], event: open(at('file-behind'), 'read') },
    'link-in-path': {
      nr: NR.open,
      args: [at('linked-sub/in-linked'), O.RDONLY],
      event: open(at('sub/in-linked'), 'read'),
    },
    'through-proc': {
      nr: NR.open,
      args: [`/proc/self/root${at('through-proc')}`, O.RDONLY],
      event: open(at('through-proc'), 'read'),
    },
    missing: { nr: NR.open, args: [at('missing'), O.RDONLY], event: open(at('missing'), 'read', ENOENT) },
    'missing-relative': {
      nr: NR.open,
      args: ['missing-relative', O.RDONLY],
      event: open(at('missing-relative'), 'read', ENOENT),
    },
    'missing-dirfd': {
      nr: NR.openat,
      args: [inSub, 'missing-dirfd', O.WRONLY],
      event: open(at('sub/missing-dirfd'), 'write', ENOENT),
    },
    'exists-already': {
      nr: NR.open,
      args: [at('exists-already'), O.CREAT | O.EXCL | O.WRONLY, 0o600],
      event: { event_type: 'file_open', path: at('exists-already'), errno: EEXIST },
    },
    'is-folder': { nr: NR.open, args: [at('is-folder'), O.WRONLY], event: open(at('is-folder'), 'write', EISDIR) },
    'no-folder': { nr: NR.open, args: [at('no-folder/x'), O.RDONLY], event: open(at('no-folder/x'), 'read', ENOTDIR) },
    'no-follow': { nr: NR.open, args: [at('no-follow'), O.NOFOLLOW], event: open(at('no-follow'), 'read', ELOOP) },
    'escape-beneath': {
      nr: NR.openat2,
      args: [inSub, '../escape-beneath', beneath, 24],
      event: open(at('escape-beneath'), 'read', EXDEV),
    },
    'too-long': {
      nr: NR.open,
      args: [at(`too-long${'/x'.repeat(2200)}`), O.RDONLY],
      event: { event_type: 'file_open', errno: ENAMETOOLONG },
    },
    'ia32-open': { nr: NR32.open, ia32: true, args: [at('ia32-open'), O.RDONLY], event: open(at('ia32-open'), 'read') },
    'ia32-openat': {
      nr: NR32.openat,
      ia32: true,
      args: [inSub, '../ia32-openat', O.RDWR],
      event: open(at('ia32-openat'), 'read_write'),
    },
    'ia32-missing': {
      nr: NR32.open,
      ia32: true,
      args: [at('ia32-missing'), O.RDONLY],
      event: open(at('ia32-missing'), 'read', ENOENT),
    },
    'ia32-new': {
      nr: NR32.open,
      ia32: true,
      args: [at('ia32-new'), O.CREAT | O.WRONLY, 0o600],
      event: create(at('ia32-new')),
    },
  };
}

function changes(): Record<string, Operation> {
  const done = (event_type: string, path: string, more: Partial<Event> = {}): Operation['event'] => ({
    event_type,
    path,
    ...more,
  });
  const attribute = (path: string, value?: string): Operation['event'] =>
    done('file_attr', path, { access: 'attr', ...(value === undefined ? {} : { value }) });
  const moved = (from: string, to: string, errno?: number): Operation['event'] =>
    done('file_rename', from, { path_to: to, access: 'rename', ...(errno === undefined ? {} : { errno }) });
  const linked = (from: string, to: string, errno?: number): Operation['event'] =>
    done('file_link', from, { path_to: to, access: 'link', ...(errno === undefined ? {} : { errno }) });
  const gone = (path: string, errno?: number): Operation['event'] =>
    done('file_delete', path, { access: 'delete', ...(errno === undefined ? {} : { errno }) });
  const made = (path: string, errno?: number): Operation['event'] =>
    done('file_create', path, { access: 'create', ...(errno === undefined ? {} : { errno }) });
  const cut = (path: string, value: string, errno?: number): Operation['event'] =>
    done('file_truncate', path, { access: 'write', value, ...(errno === undefined ? {} : { errno }) });
  return {
    unlinked: { nr: NR.unlink, args: [at('unlinked')], event: gone(at('unlinked')) },
    'unlinked-dirfd': { nr: NR.unlinkat, args: [inSub, '../unlinked-dirfd', 0], event: gone(at('unlinked-dirfd')) },
    'unlinked-missing': { nr: NR.unlink, args: ['unlinked-missing'], event: gone(at('unlinked-missing'), ENOENT) },
    'ia32-unlinked': { nr: NR32.unlink, ia32: true, args: [at('ia32-unlinked')], event: gone(at('ia32-unlinked')) },
    'removed-folder': { nr: NR.rmdir, args: [at('removed-folder')], event: gone(at('removed-folder')) },
    'removed-at': { nr: NR.unlinkat, args: [inTop, 'removed-at', 0x200], event: gone(at('removed-at')) },
    'full-folder': { nr: NR.rmdir, args: [at('full-folder')], event: gone(at('full-folder'), ENOTEMPTY) },
    renamed: { nr: NR.rename, args: [at('renamed'), at('renamed-to')], event: moved(at('renamed'), at('renamed-to')) },
    'moved-at': {
      nr: NR.renameat,
      args: [inTop, 'moved-at', inSub, 'moved-at-to'],
      event: moved(at('moved-at'), at('sub/moved-at-to')),
    },
    'kept-apart': {
      nr: NR.renameat2,
      args: [inTop, 'kept-apart', inTop, 'kept-apart-to', 1],
      event: moved(at('kept-apart'), at('kept-apart-to'), EEXIST),
    },
    exchanged: {
      nr: NR.renameat2,
      args: [AT_FDCWD, 'exchanged', AT_FDCWD, 'exchanged-to', 2],
      event: moved(at('exchanged'), at('exchanged-to')),
    },
    'renamed-missing': {
      nr: NR.rename,
      args: ['renamed-missing', 'renamed-missing-to'],
      event: moved(at('renamed-missing'), at('renamed-missing-to'), ENOENT),
    },
    'ia32-renamed': {
      nr: NR32.rename,
      ia32: true,
      args: [at('ia32-renamed'), at('ia32-renamed-to')],
      event: moved(at('ia32-renamed'), at('ia32-renamed-to')),
    },
    linked: { nr: NR.link, args: [at('linked'), at('linked-to')], event: linked(at('linked'), at('linked-to')) },
    'linked-at': {
      nr: NR.linkat,
      args: [inTop, 'linked-at', inSub, 'linked-at-to', 0],
      event: linked(at('linked-at'), at('sub/linked-at-to')),
    },
    'linked-over': {
      nr: NR.link,
      args: [at('linked-over'), at('linked-over-to')],
      event: linked(at('linked-over'), at('linked-over-to'), EEXIST),
    },
    'made-folder': { nr: NR.mkdir, args: [at('made-folder'), 0o755], event: made(at('made-folder')) },
    'made-at': { nr: NR.mkdirat, args: [inSub, 'made-at', 0o755], event: made(at('sub/made-at')) },
    'made-again': { nr: NR.mkdir, args: [at('made-again'), 0o755], event: made(at('made-again'), EEXIST) },
    'ia32-made': { nr: NR32.mkdir, ia32: true, args: [at('ia32-made'), 0o755], event: made(at('ia32-made')) },
    fifo: { nr: NR.mknod, args: [at('fifo'), 0o10600, 0], event: made(at('fifo')) },
    'fifo-at': { nr: NR.mknodat, args: [inSub, 'fifo-at', 0o10600, 0], event: made(at('sub/fifo-at')) },
    cut: { nr: NR.truncate, args: [at('cut'), 7], event: cut(at('cut'), 'length 7') },
    'cut-fd': { nr: NR.ftruncate, args: [result('cut-fd'), 9], event: cut(at('cut-fd'), 'length 9') },
    'cut-missing': { nr: NR.truncate, args: [at('cut-missing'), 7], event: cut(at('cut-missing'), 'length 7', ENOENT) },
    moded: { nr: NR.chmod, args: [at('moded'), 0o751], event: attribute(at('moded'), '0751') },
    'moded-fd': { nr: NR.fchmod, args: [result('moded-fd'), 0o4755], event: attribute(at('moded-fd'), '04755') },
    'moded-at': { nr: NR.fchmodat, args: [inSub, '../moded-at', 0o600], event: attribute(at('moded-at'), '0600') },
    'moded-missing': {
      nr: NR.chmod,
      args: [at('moded-missing'), 0o751],
      event: { ...attribute(at('moded-missing'), '0751'), errno: ENOENT },
    },
    owned: { nr: NR.chown, args: [at('owned'), 1000, 1001], event: attribute(at('owned'), '1000:1001') },
    'owned-link': {
      nr: NR.lchown,
      args: [at('owned-link'), 1002, 1003],
      event: attribute(at('owned-link'), '1002:1003'),
    },
    'owned-fd': {
      nr: NR.fchown,
      args: [result('owned-fd'), 1004, -1],
      event: { event_type: 'file_attr', path: at('owned-fd'), access: 'attr' },
    },
    'owned-at': {
      nr: NR.fchownat,
      args: [inTop, 'owned-at', 1005, 1006, 0],
      event: attribute(at('owned-at'), '1005:1006'),
    },
    timed: { nr: NR.utimensat, args: [AT_FDCWD, 'timed', times, 0], event: attribute(at('timed')) },
    'timed-by-utimes': { nr: NR.utimes, args: [at('timed-by-utimes'), times], event: attribute(at('timed-by-utimes')) },
    'timed-by-utime': { nr: NR.utime, args: [at('timed-by-utime'), times], event: attribute(at('timed-by-utime')) },
    'timed-at': { nr: NR.futimesat, args: [inTop, 'timed-at', times], event: attribute(at('timed-at')) },
    tagged: {
      nr: NR.setxattr,
      args: [at('tagged'), 'user.test', Buffer.from('value'), 5, 0],
      event: attribute(at('tagged')),
    },
    'tagged-link': {
      nr: NR.lsetxattr,
      args: [at('tagged-link'), 'user.test', Buffer.from('value'), 5, 0],
      event: attribute(at('tagged-link')),
    },
    'tagged-fd': {
      nr: NR.fsetxattr,
      args: [result('tagged-fd'), 'user.test', Buffer.from('value'), 5, 0],
      event: attribute(at('tagged-fd')),
    },
    untagged: {
      nr: NR.removexattr,
      args: [at('untagged'), 'user.test'],
      event: { ...attribute(at('untagged')), errno: ENODATA },
    },
  };
}

/** Names that must be there before, by what they are. */
function prepare(operations: Record<string, Operation>): void {
  const absent = /^(new-|missing|made-folder|made-at|ia32-(missing|new|made)|fifo|.*-missing$|too-long|escape|through)/;
  mkdirSync(at('sub'), { recursive: true });
  for (const name of Object.keys(operations)) if (!absent.test(name)) writeFileSync(at(name), 'content');
}

function replace(path: string, make: (path: string) => void): void {
  chmodSync(path, 0o600);
  writeFileSync(`${path}.old`, '');
  make(path);
}

describe('operations on files', () => {
  const operations = { ...opens(), ...changes() };
  let session: Session;
  let done: Map<string, Done>;

  beforeAll(async () => {
    mkdirSync(top, { recursive: true });
    prepare(operations);
    const instead = (name: string, make: (path: string) => void): void =>
      replace(at(name), (path) => {
        rmSync(path);
        make(path);
      });
    for (const name of ['is-folder', 'removed-folder', 'removed-at', 'full-folder', 'made-again'])
      instead(name, (path) => mkdirSync(path));
    writeFileSync(at('full-folder/x'), '');
    writeFileSync(at('file-behind'), '');
    writeFileSync(at('through-proc'), '');
    writeFileSync(at('escape-beneath'), '');
    symlinkSync('sub', at('linked-sub'));
    writeFileSync(at('sub/in-linked'), '');
    for (const [name, target] of [
      ['link-to-file', 'file-behind'],
      ['no-follow', 'file-behind'],
      ['owned-link', 'nowhere'],
    ] as const)
      instead(name, (path) => symlinkSync(target, path));
    for (const name of ['kept-apart-to', 'exchanged-to', 'linked-over-to']) writeFileSync(at(name), '');

    const script = new Script()
      .call('go-top', NR.chdir, top)
      .call('open-top=top', NR.open, top, O.DIRECTORY | O.RDONLY)
      .call('open-sub=sub', NR.open, at('sub'), O.DIRECTORY | O.RDONLY);
    for (const fd of ['cut-fd', 'moded-fd', 'owned-fd', 'tagged-fd'])
      script.call(`hold-${fd}=${fd}`, NR.open, at(fd), O.RDWR);
    for (const [label, { nr, args, ia32 }] of Object.entries(operations))
      if (ia32) script.call32(label, nr, ...args);
      else script.call(label, nr, ...args);
    script
      .call('unreadable', NR.open, 16, O.RDONLY)
      .fork('denied', (child) =>
        child.call('denied-setuid', NR.setuid, 65534).call('denied-open', NR.open, at('denied-open'), O.RDONLY),
      )
      .fork('chrooted', (child) =>
        child
          .call('chrooted-chroot', NR.chroot, at('is-folder'))
          .call('chrooted-cd', NR.chdir, '/')
          .call('chrooted-open', NR.open, '/in-root', O.RDONLY)
          .call('chrooted-up', NR.open, '../../../in-root-too', O.RDONLY),
      )
      .fork('mounted', (child) =>
        child
          .call('mounted-unshare', NR.unshare, 0x20000)
          .call('mounted-private', NR.mount, 'none', '/', 0, 0x44000, 0)
          .call('mounted-mount', NR.mount, 'none', at('full-folder'), 'tmpfs', 0, 'size=64k')
          .call('mounted-open', NR.open, at('full-folder/mounted-new'), O.CREAT | O.WRONLY, 0o600)
          .call('mounted-bind', NR.mount, at('sub'), at('is-folder'), 0, 0x1000, 0)
          .call('mounted-through', NR.open, at('is-folder/in-linked'), O.RDONLY),
      )
      .call('held-gone=gone', NR.open, at('held-gone'), O.CREAT | O.RDWR, 0o600)
      .call('unlink-gone', NR.unlink, at('held-gone'))
      .call('cut-gone', NR.ftruncate, result('gone'), 3)
      .call(
        'handle-of',
        NR.name_to_handle_at,
        AT_FDCWD,
        at('by-handle'),
        named('h', handle()),
        named('m', Buffer.alloc(8)),
        0,
      )
      .call('by-handle', NR.open_by_handle_at, result('top'), again('h'), O.RDONLY);
    writeFileSync(at('by-handle'), '');
    writeFileSync(at('denied-open'), '', { mode: 0o600 });
    writeFileSync(at('is-folder/in-root'), '');
    writeFileSync(at('is-folder/in-root-too'), '');
    ({ session, done } = await perform(folder, script));
  });

  function handle(): Buffer {
    const bytes = Buffer.alloc(8 + 128);
    bytes.writeUInt32LE(128, 0);
    return bytes;
  }

  /** Does an event carry all of these fields? */
  const fits = (event: Event, wanted: Partial<Event>): boolean =>
    Object.entries(wanted).every(([field, value]) => event[field] === value);

  const one = (label: string, wanted: Partial<Event>): Event => {
    const pid = done.get(label)?.pid;
    const found = session.events.filter((event) => event.pid === pid && fits(event, wanted));
    const near = session.events.filter(({ path, path_to }) => path?.includes(label) || path_to?.includes(label));
    expect(found.length, `${label}: ${JSON.stringify(wanted)}; near: ${JSON.stringify(near, null, 1)}`).toBe(1);
    return found[0] as Event;
  };

  it.each(Object.entries(operations))('%s', (label, { event }) => {
    // The test's own idea of the result first: else it would ask the log for something that never happened.
    expect(done.get(label)?.status).toBe(event.errno ?? 0);
    const found = one(label, event);
    if (event.errno === undefined) expect(found.errno).toBeUndefined();
    expect(found.syscall).toBeTypeOf('string');
  });

  it('reports an open whose name cannot be read', () => {
    expect(done.get('unreadable')?.status).toBe(EFAULT);
    one('unreadable', { event_type: 'file_open', errno: EFAULT });
  });

  it('reports what permissions denied, and the change of identity before', () => {
    expect(done.get('denied-open')?.status).toBe(EACCES);
    one('denied-open', { event_type: 'file_open', path: at('denied-open'), errno: EACCES, uid: 65534 });
    one('denied-setuid', { event_type: 'privilege_change', syscall: 'setuid' });
  });

  it('resolves what is opened in a chroot to where it really is', () => {
    expect(done.get('chrooted-up')?.status).toBe(0);
    one('chrooted-open', { event_type: 'file_open', path: at('is-folder/in-root') });
    one('chrooted-up', { event_type: 'file_open', path: at('is-folder/in-root-too') });
  });

  it('resolves what is opened in another mount namespace, and reports the mounts', () => {
    expect(done.get('mounted-through')?.status).toBe(0);
    one('mounted-open', { event_type: 'file_create', path: at('full-folder/mounted-new') });
    one('mounted-through', { event_type: 'file_open', path: at('is-folder/in-linked') });
    const mounts = session.events.filter(
      (event) => event.event_type === 'mount' && event.pid === done.get('mounted-mount')?.pid,
    );
    expect(mounts.length).toBe(3);
    expect(mounts.flatMap(({ path, path_to }) => [path, path_to])).toContain(at('full-folder'));
  });

  it('knows a file whose name is gone', () => {
    expect(done.get('cut-gone')?.status).toBe(0);
    one('cut-gone', { event_type: 'file_truncate', path: at('held-gone'), path_deleted: true, value: 'length 3' });
  });

  it('resolves an open by file handle', () => {
    expect(done.get('by-handle')?.status).toBe(0);
    one('by-handle', { event_type: 'file_open', path: at('by-handle') });
  });

  it('reports nothing that did not happen', () => {
    // Each call of the script is at most one event of this process about a file of ours.
    const labels = [...done.keys()];
    const events = session.events.filter(
      ({ path, path_to }) => path?.startsWith(`${top}/`) || path_to?.startsWith(`${top}/`),
    );
    expect(events.length).toBeLessThanOrEqual(labels.length);
    expect(session.events.filter(({ event_type }) => event_type === 'events_lost')).toEqual([]);
  });
});
