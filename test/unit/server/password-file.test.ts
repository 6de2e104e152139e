import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  PasswordFile,
  type PasswordFileError,
  passwordLine,
} from '../../../server/sessions/password-file.ts';

const alice = { uid: 1001, gid: 100, groups: [27, 44] };

describe('PasswordFile', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'dafs-password-'));
    path = join(directory, 'passwords');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (content: string, mode = 0o600) => {
    writeFileSync(path, content, { mode });
    chmodSync(path, mode);
  };
  const errorCode = () => {
    try {
      PasswordFile.read(path);
    } catch (error) {
      return (error as PasswordFileError).code;
    }
    return undefined;
  };

  it('gives a user with the right password his credential, and nobody else one', async () => {
    const bob = { uid: 1002, gid: 1002, groups: [] };
    write(
      `# users\n${await passwordLine('alice', 'wonder', alice)}\n\n${await passwordLine('bob', '', bob)}\n`,
    );
    const file = PasswordFile.read(path);
    expect(await file.verify('alice', 'wonder')).toEqual(alice);
    expect(await file.verify('bob', '')).toEqual(bob);
    expect(await file.verify('alice', 'Wonder')).toBeUndefined();
    expect(await file.verify('carol', 'wonder')).toBeUndefined();
  });

  it('refuses a file that others could read', async () => {
    write(await passwordLine('alice', 'wonder', alice), 0o640);
    expect(errorCode()).toBe('NOT_PRIVATE');
  });

  it('refuses lines that it does not understand, and no file at all', () => {
    expect(errorCode()).toBe('UNREADABLE');
    write('alice:1001:100:wonder\n');
    expect(errorCode()).toBe('MALFORMED');
  });
});
