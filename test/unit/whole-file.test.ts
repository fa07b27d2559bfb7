import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newProfile, saveProfile } from '../../src/profile/index.js';
import { replaceFile } from '../../src/whole-file.js';
import { canary, scratch } from '../support/index.js';

const place = scratch();
const newFolder = (): string => {
  const folder = join(place, canary());
  mkdirSync(folder);
  return folder;
};

describe('replaceFile', () => {
  it('leaves one file, for its owner alone', async () => {
    const folder = newFolder();
    const path = join(folder, 'file');
    writeFileSync(path, 'old', { mode: 0o644 });
    await replaceFile(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('replaces a link, and leaves what it leads to', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'other'), 'other');
    symlinkSync('other', join(folder, 'file'));
    await replaceFile(join(folder, 'file'), 'new');
    expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('other');
    expect(lstatSync(join(folder, 'file')).isFile()).toBe(true);
  });

  it('leaves nothing behind where it fails', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'file'));
    await expect(replaceFile(join(folder, 'file'), 'new')).rejects.toThrow(/EISDIR/);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('is how a profile is written: no link that was laid beforehand is followed', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'other'), 'other');
    symlinkSync('other', join(folder, `profile.json.${process.pid}.tmp`));
    await saveProfile(join(folder, 'profile.json'), newProfile());
    expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('other');
  });
});
