import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileType } from '../../../server/store/index.ts';
import {
  ACCESS_ACL_NAME,
  type Acl,
  AclTag,
  aclWithMode,
  formatAcl,
  inheritAcl,
  isMinimal,
  modeWithAcl,
  parseAcl,
} from '../../../server/store/posix-acl.ts';
import { acl, textOf } from '../../conformance/acl.ts';
import { arbitraryAcl } from './support/acls.ts';
import { bytes, codeOf, makeFile, newStore, reopen } from './support/stores.ts';

const list = (text: string): Acl => {
  const parsed = parseAcl(acl(text));
  if (parsed === undefined) {
    throw new Error(`no list: ${text}`);
  }
  return parsed;
};
const show = (value: Acl): string => textOf(formatAcl(value));

describe('parseAcl', () => {
  it('takes every list apart and formatAcl puts it together', () => {
    fc.assert(
      fc.property(arbitraryAcl, (entries) => {
        expect(parseAcl(formatAcl(entries))).toEqual(entries);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['no owner', 'g::r-- o::r--'],
    ['no group', 'u::rw- o::r--'],
    ['no others', 'u::rw- g::r--'],
    ['two owners', 'u::rw- u::rw- g::r-- o::r--'],
    ['another order', 'u::rw- o::r-- g::r--'],
    ['a named user behind the group', 'u::rw- g::r-- u:7:r-- m::r-- o::r--'],
    ['named ones without a mask', 'u::rw- g::r-- g:7:r-- o::r--'],
    ['two masks', 'u::rw- g::r-- m::r-- m::r-- o::r--'],
    ['an unknown tag', 'u::rw- x::r-- g::r-- o::r--'],
    ['something behind the others', 'u::rw- g::r-- o::r-- o::r--'],
  ])('refuses %s', (_, text) => {
    expect(parseAcl(acl(text))).toBeUndefined();
  });

  it('refuses any bytes that are no list, and throws nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (value) => {
        const parsed = parseAcl(value);
        expect(parsed === undefined || formatAcl(parsed).length === value.length).toBe(true);
      }),
    );
    const longest = `u::rw- ${Array.from({ length: 507 }, (_, id) => `u:${id}:r--`).join(' ')}`;
    expect(parseAcl(acl(`${longest} g::r-- m::r-- o::r--`))).toHaveLength(511);
    expect(parseAcl(acl(`${longest} u:600:r-- g::r-- m::r-- o::r--`))).toBeUndefined();
  });
});

describe('mode and list', () => {
  it('say the same of owner, group or mask, and others', () => {
    expect(modeWithAcl(0o4000, list('u::rwx g::r-x o::--x'))).toBe(0o4751);
    expect(modeWithAcl(0o777, list('u::rw- u:7:rwx g::rwx m::r-- o::---'))).toBe(0o640);
    expect(show(aclWithMode(list('u::rw- u:7:rwx g::rwx m::r-- o::---'), 0o271))).toBe(
      'u::-w- u:7:rwx g::rwx m::rwx o::--x',
    );
    expect(show(aclWithMode(list('u::rw- g::r-- o::---'), 0o271))).toBe('u::-w- g::rwx o::--x');
  });

  it('follow each other, whatever the list', () => {
    fc.assert(
      fc.property(arbitraryAcl, fc.nat(0o7777), (entries, mode) => {
        expect(modeWithAcl(mode, aclWithMode(entries, mode))).toBe(mode);
        expect(aclWithMode(entries, modeWithAcl(0, entries))).toEqual(entries);
        expect(isMinimal(entries)).toBe(entries.length === 3);
      }),
    );
  });
});

describe('inheritAcl', () => {
  it('grants what both the list and the mode grant', () => {
    const { acl: made, mode } = inheritAcl(list('u::rwx u:7:rwx g::r-x m::rwx o::r-x'), 0o2664);
    expect(show(made)).toBe('u::rw- u:7:rwx g::r-x m::rw- o::r--');
    expect(mode).toBe(0o2664);
    expect(inheritAcl(list('u::rw- g::r-- o::---'), 0o777).mode).toBe(0o640);
  });

  it('never grants more than either', () => {
    fc.assert(
      fc.property(arbitraryAcl, fc.nat(0o7777), (entries, wanted) => {
        const { acl: made, mode } = inheritAcl(entries, wanted);
        expect(mode & ~wanted).toBe(0);
        expect(mode & 0o777 & ~modeWithAcl(0, entries)).toBe(0);
        expect(modeWithAcl(mode, made)).toBe(mode);
        for (const [index, entry] of made.entries()) {
          expect(entry.permissions & ~(entries[index]?.permissions ?? 0)).toBe(0);
        }
      }),
    );
  });
});

describe('an inode', () => {
  const text = 'u::rw- u:7:rwx g::r-- m::rw- o::---';
  const set = (store: ReturnType<typeof newStore>, id: ReturnType<typeof makeFile>['id']) =>
    store.extendedAttributes.set(id, bytes(ACCESS_ACL_NAME), acl(text), 'either');

  it('knows its list, which follows its mode', () => {
    const store = newStore();
    const { id, type } = makeFile(store, 'file');
    expect(type).toBe(FileType.REGULAR);
    set(store, id);
    expect(store.inode(id)?.accessAcl).toEqual(list(text));
    store.setAttributes(id, { mode: 0o715 });
    const again = reopen(store);
    const changed = 'u::rwx u:7:rwx g::r-- m::--x o::r-x';
    expect(again.inode(id)?.accessAcl).toEqual(list(changed));
    const kept = again.extendedAttributes.get(id, bytes(ACCESS_ACL_NAME)) as Uint8Array;
    expect(textOf(kept)).toBe(changed);
    again.extendedAttributes.remove(id, bytes(ACCESS_ACL_NAME));
    expect(again.inode(id)?.accessAcl).toBeUndefined();
  });

  it('has the list that it had when a transaction is undone', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    store.commit();
    set(store, id);
    store.rollback();
    expect(store.inode(id)?.accessAcl).toBeUndefined();
    set(store, id);
    store.commit();
    store.setAttributes(id, { mode: 0o700 });
    store.rollback();
    expect(store.inode(id)?.accessAcl).toEqual(list(text));
  });

  it('takes no list that is none', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    const name = bytes(ACCESS_ACL_NAME);
    expect(codeOf(() => store.extendedAttributes.set(id, name, bytes('x'), 'either'))).toBe(
      'EINVAL',
    );
    expect(store.inode(id)?.attributeKinds).toBe(0);
    expect(AclTag.MASK).toBe(0x10);
  });
});
