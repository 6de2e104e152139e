import { expect, test } from 'vitest';
import {
  defaultMountOptions,
  MountOptionError,
  mountOptionNames,
  parseMountOptions,
  splitOptions,
} from '../../../mount/drivers/kernel/mount-options.ts';
import { MountFlag } from '../../../nic/system-calls-fuse.ts';

function parse(list: string) {
  return parseMountOptions(splitOptions(list));
}

test('without options a mount is nosuid and nodev', () => {
  expect(parse('')).toEqual(defaultMountOptions());
  expect(defaultMountOptions().flags).toBe(MountFlag.NOSUID | MountFlag.NODEV);
});

test('later flags win over earlier ones', () => {
  expect(parse('ro').flags & MountFlag.RDONLY).toBe(MountFlag.RDONLY);
  expect(parse('ro,rw').flags & MountFlag.RDONLY).toBe(0);
  expect(parse('suid,dev').flags).toBe(0);
  expect(parse('noexec,defaults').flags & MountFlag.NOEXEC).toBe(0);
});

test('values are read', () => {
  expect(
    parse('allow_other,default_permissions,max_read=65536,fsname=a b,subtype=s,attr_timeout=0.5'),
  ).toMatchObject({
    allowOther: true,
    defaultPermissions: true,
    maxReadBytes: 65536,
    fsname: 'a b',
    subtype: 's',
    attributeTimeoutSeconds: 0.5,
  });
});

test('what only fstab means something by is passed over', () => {
  expect(parse('noauto,_netdev,x-systemd.automount,comment=hello,nofail')).toEqual(
    defaultMountOptions(),
  );
});

test('quoted values keep their commas, for the kernel alone to read', () => {
  expect(parse('context="system_u:object_r:tmp_t:s0:c1,c2",ro').passedOn).toEqual([
    'context=system_u:object_r:tmp_t:s0:c1,c2',
  ]);
});

test.each([
  'frobnicate',
  'ro=1',
  'max_read',
  'max_read=lots',
  'max_read=1',
  'workers=0',
  'workers=1.5',
  'attr_timeout=-1',
  'attr_timeout=',
])('%s is refused', (option) => {
  expect(() => parse(option)).toThrow(MountOptionError);
});

test('the names are there for whoever suggests one', () => {
  expect(mountOptionNames).toContain('allow_other');
  expect(mountOptionNames).toContain('max_read');
});
