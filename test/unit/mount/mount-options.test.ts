import { describe, expect, it } from 'vitest';
import {
  describeMountOptions,
  isRemount,
  type MountOptions,
  mountOptionTable,
  parseMountOptions,
  parseRemountOptions,
} from '../../../mount/mount-options.ts';

function parse(...lists: string[]): MountOptions {
  return parseMountOptions(lists);
}

describe('mount options', () => {
  it('are safe when none is given', () => {
    const options = parse();
    expect([...options.kernelFlags].sort()).toEqual(['nodev', 'nosuid']);
    expect(options.allowOther).toBe(false);
    expect(options.nonEmpty).toBe(false);
  });

  it('are read from several lists, with blanks and empty places', () => {
    const options = parse('ro,, noexec', 'allow_other');
    expect(options.kernelFlags.has('ro')).toBe(true);
    expect(options.kernelFlags.has('noexec')).toBe(true);
    expect(options.allowOther).toBe(true);
  });

  it.each([
    ['ro,rw', 'ro', false],
    ['rw,ro', 'ro', true],
    ['suid', 'nosuid', false],
    ['suid,nosuid', 'nosuid', true],
    ['dev', 'nodev', false],
    ['noexec,exec', 'noexec', false],
    ['sync,async', 'sync', false],
    ['nosymfollow,symfollow', 'nosymfollow', false],
  ] as const)('of %s leave %s %s: the later one wins', (list, flag, isSet) => {
    expect(parse(list).kernelFlags.has(flag)).toBe(isSet);
  });

  it('take values, with commas behind a backslash', () => {
    const options = parse(
      String.raw`fsname=a\,b=c,attr_timeout=0.5,entry_timeout=2,max_read=65536`,
    );
    expect(options.fsname).toBe('a,b=c');
    expect(options.attributeTimeoutSeconds).toBe(0.5);
    expect(options.entryTimeoutSeconds).toBe(2);
    expect(options.maxReadBytes).toBe(65_536);
  });

  it('of fstab(5) are accepted and change nothing', () => {
    expect(parse('defaults,noatime,_netdev,nofail,x-systemd.automount,x-a=b')).toEqual(parse());
  });

  it.each([
    ['allow_othr', 'did you mean allow_other?'],
    ['nosiud', 'did you mean nosuid?'],
    ['defaultpermissions', 'did you mean default_permissions?'],
    ['frobnicate', 'dafs mount --help lists them all'],
  ])('of the unknown name %s are refused with a hint', (name, hint) => {
    expect(() => parse(name)).toThrow(
      expect.objectContaining({
        code: 'UNKNOWN_OPTION',
        message: `unknown mount option ${name}; ${hint}`,
      }),
    );
  });

  it.each([
    ['fsname', 'mount option fsname needs a value: fsname=NAME'],
    ['fsname=', 'mount option fsname needs a value: fsname=NAME'],
    ['ro=1', 'mount option ro takes no value'],
    ['max_read=12', 'mount option max_read needs a number of at least 4096, not "12"'],
    ['attr_timeout=soon', 'mount option attr_timeout needs a number of at least 0, not "soon"'],
    ['cache_size=much', 'mount option cache_size needs a size such as 256M, not "much"'],
  ])('of the wrong form %s are refused', (text, message) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', message }));
  });

  it('of a remount change what they name and leave the rest', () => {
    const current = ['rw', 'nosuid', 'nodev', 'noexec', 'relatime', 'user_id=0', 'fsname=a'];
    const flags = (list: string) => [...parseRemountOptions([list], current).kernelFlags].sort();
    expect(flags('remount')).toEqual(['nodev', 'noexec', 'nosuid']);
    expect(flags('remount,ro,exec')).toEqual(['nodev', 'nosuid', 'ro']);
    expect(flags('rw,nosuid,nodev,user_id=0,fsname=a,remount,x-a=b')).toContain('noexec');
  });

  it('of a remount that only a new mount can change are refused', () => {
    for (const text of ['workers=3', 'sync', 'dirsync', 'allow_other', 'user_id=1']) {
      expect(() => parseRemountOptions([`remount,${text}`], ['rw'])).toThrow(
        expect.objectContaining({ message: expect.stringContaining(text.split('=')[0] as string) }),
      );
    }
  });

  it('are those of a remount wherever it stands', () => {
    expect(isRemount(['ro', 'nodev,remount'])).toBe(true);
    expect(isRemount(['ro'])).toBe(false);
  });

  it('are all described, once', () => {
    const { effective, ignored } = describeMountOptions();
    const names = [...effective.map(([name]) => name.split('=')[0]), ...ignored];
    expect(names.sort()).toEqual(mountOptionTable.map(({ name }) => name).sort());
    expect(new Set(names).size).toBe(names.length);
  });
});
