import { beforeEach, describe, expect, it } from 'vitest';
import { PathResolver } from '../../../mount/drivers/fuse-native/path-resolver.ts';
import { ErrnoError } from '../../../mount/errno.ts';
import { type Attributes, type Nodeid, ROOT_NODEID } from '../../../mount/file-system.ts';

const caller = { uid: 0, gid: 0, pid: 0, umask: 0, keepsAccessTimes: false };
const S_IFDIR = 0o040755;
const S_IFREG = 0o100644;

/** A tree that counts who asks for what. */
class Tree {
  readonly asked: string[] = [];
  readonly entries = new Map<string, { nodeid: number; mode: number }>();

  lookup = (_caller: unknown, parent: Nodeid, name: Uint8Array): Attributes => {
    const key = `${parent}/${Buffer.from(name).toString('latin1')}`;
    this.asked.push(key);
    const entry = this.entries.get(key);
    if (!entry) throw new ErrnoError('ENOENT');
    return { ...entry, nodeid: entry.nodeid as Nodeid } as Attributes;
  };

  resolve = (caller: unknown, parent: Nodeid, name: Uint8Array): Nodeid =>
    this.lookup(caller, parent, name).nodeid;

  getattr = (_caller: unknown, nodeid: Nodeid): Attributes => {
    this.asked.push(`getattr ${nodeid}`);
    return { nodeid, mode: S_IFDIR } as Attributes;
  };

  /** What was asked since the last time. */
  takeAsked(): string[] {
    return this.asked.splice(0);
  }
}

describe('a path', () => {
  let tree: Tree;
  let nowMs: number;
  let paths: PathResolver;

  beforeEach(() => {
    tree = new Tree();
    tree.entries.set('1/a', { nodeid: 2, mode: S_IFDIR });
    tree.entries.set('2/b', { nodeid: 3, mode: S_IFDIR });
    tree.entries.set('3/file', { nodeid: 4, mode: S_IFREG });
    nowMs = 0;
    paths = new PathResolver(tree, caller, () => nowMs);
  });

  it('of the root is the root, without a question', () => {
    expect(paths.nodeid('/')).toBe(ROOT_NODEID);
    expect(tree.takeAsked()).toEqual([]);
    expect(paths.attributes('/').nodeid).toBe(ROOT_NODEID);
    expect(tree.takeAsked()).toEqual(['getattr 1']);
  });

  it('is looked up component by component', () => {
    expect(paths.nodeid('/a/b/file')).toBe(4);
    expect(tree.takeAsked()).toEqual(['1/a', '2/b', '3/file']);
  });

  it('has its directories remembered for a second, and its last component never', () => {
    paths.nodeid('/a/b/file');
    tree.takeAsked();
    nowMs = 999;
    paths.nodeid('/a/b/file');
    expect(tree.takeAsked()).toEqual(['3/file']);
    nowMs = 1001;
    paths.nodeid('/a/b/file');
    expect(tree.takeAsked()).toEqual(['1/a', '2/b', '3/file']);
  });

  it('that was found to be a directory is remembered as one', () => {
    paths.attributes('/a');
    tree.takeAsked();
    expect(paths.split('/a/new')).toEqual({ parent: 2, name: Buffer.from('new') });
    expect(tree.takeAsked()).toEqual([]);
  });

  it('is forgotten with everything below it, and with nothing beside it', () => {
    tree.entries.set('1/ab', { nodeid: 9, mode: S_IFDIR });
    paths.nodeid('/a/b/file');
    paths.attributes('/ab');
    paths.forget('/a');
    tree.takeAsked();
    paths.split('/ab/x');
    expect(tree.takeAsked()).toEqual([]);
    paths.split('/a/b/x');
    expect(tree.takeAsked()).toEqual(['1/a', '2/b']);
  });

  it('is asked for afresh after everything was forgotten', () => {
    expect(paths.clear()).toBe(false);
    paths.split('/a/x');
    expect(paths.clear()).toBe(true);
    tree.takeAsked();
    paths.split('/a/x');
    expect(tree.takeAsked()).toEqual(['1/a']);
  });

  it('may be of any bytes', () => {
    tree.entries.set('1/\xff\xfe', { nodeid: 7, mode: S_IFREG });
    expect(paths.nodeid('/\xff\xfe')).toBe(7);
    expect(paths.split('/\xff\xfe').name).toEqual(Buffer.from([0xff, 0xfe]));
  });

  it('does not remember directories without end', () => {
    for (let number = 0; number < 25_000; number += 1) {
      tree.entries.set(`1/d${number}`, { nodeid: 100 + number, mode: S_IFDIR });
      paths.attributes(`/d${number}`);
    }
    expect(paths.nodeid('/d24999')).toBe(25_099);
  });

  it('that leads through nothing is ENOENT', () => {
    expect(() => paths.nodeid('/nothing/file')).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
  });
});
